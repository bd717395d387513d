// Running a program from a test, and being sure that nothing of it stays.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace test_support {

/// How to run a program.
struct ProgramOptions {
  /// "NAME=value" entries beside those of this process; "NAME" alone takes one away.
  std::vector<std::string> environment = {};
  std::string folder = {};                    // to run in
  std::vector<int> closed = {};               // of 0, 1, 2: the program starts without these
  bool terminal = false;                      // 0, 1 and 2 are one of its own; see type()
  std::chrono::seconds deadline{45};          // for all of it, times patience()
  std::chrono::milliseconds lingering{2000};  // for descendants, once the program itself has ended
};

/// How a program went.
struct ProgramResult {
  int exitcode = 0;        // of the program itself; minus the signal that killed it
  bool timed_out = false;  // it was killed because the deadline passed
  std::string out;
  std::string err;
  std::vector<std::string> left_running;  // descendants that had to be killed, described

  /// Everything, for a failure's message.
  [[nodiscard]] std::string report() const;
};

/// Whether a program can be given a terminal here; not without /dev/pts.
[[nodiscard]] bool terminals_exist();

/// A program that runs in a session of its own, with descriptors 0, 1 and 2 alone. Whatever becomes
/// of it, its descendants are found by a mark in their environment, daemons included, and killed.
class ChildProgram {
 public:
  /// Starts `command`: its first word is looked up in PATH when it holds no slash.
  explicit ChildProgram(std::vector<std::string> command, ProgramOptions options = {});
  ~ChildProgram();
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// The next whole line on its standard output; nothing at its end or at the deadline.
  [[nodiscard]] std::optional<std::string> read_line();

  /// Types into its terminal: "\x03" is Ctrl-C, which all processes of its group get. What the
  /// program writes, to standard error too, is its output then.
  void type(const std::string& text) const;

  /// Sends a signal to the program itself.
  void send_signal(int signal_number);

  /// The processes that run now on behalf of the program, itself among them.
  [[nodiscard]] std::vector<pid_t> running() const;

  /// Waits for its end, then for that of its descendants.
  ProgramResult finish();

 private:
  bool read_some(int timeout_ms);  // false when both pipes are at their end
  bool out_of_time() const;
  void reap(bool wait);
  void kill_all();
  std::vector<std::string> wait_for_descendants();

  ProgramOptions options_;
  std::chrono::steady_clock::time_point deadline_;
  std::string mark_;
  pid_t pid_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  std::optional<int> status_;
  std::size_t line_start_ = 0;
  ProgramResult result_;
};

/// Runs a program from start to end.
[[nodiscard]] ProgramResult run_program(std::vector<std::string> command,
                                        ProgramOptions options = {});

/// Runs these tests of this very program where /dev holds nothing but null. Nothing when this
/// process may not mount that.
[[nodiscard]] std::optional<ProgramResult> run_without_dev_shm(const std::string& tests);

}  // namespace test_support
