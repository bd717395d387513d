#include "support/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "support/processes.hpp"
#include "support/watchdog.hpp"

namespace test_support {
namespace {

using std::chrono::steady_clock;

struct Pipe {
  int read_end;
  int write_end;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  return {ends[0], ends[1]};
}

/// A pseudo terminal as a program has it: no echo, and lines end as they are written. -1 where
/// there are none.
int open_terminal() {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0) return -1;
  termios settings{};
  if (grantpt(terminal) != 0 || unlockpt(terminal) != 0 || access(ptsname(terminal), R_OK) != 0 ||
      tcgetattr(terminal, &settings) != 0) {
    close(terminal);
    return -1;
  }
  settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  settings.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  tcsetattr(terminal, TCSANOW, &settings);
  return terminal;
}

std::string next_mark() {
  static int count = 0;
  return "MULTIPROCESSING_TEST_PROGRAM=" + std::to_string(getpid()) + "-" + std::to_string(++count);
}

std::vector<std::string> environment_with(std::vector<std::string> changes) {
  std::vector<std::string> entries;
  auto name_of = [](const std::string& entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    bool changed = std::any_of(changes.begin(), changes.end(), [&](const std::string& change) {
      return name_of(change) == name_of(*entry);
    });
    if (!changed) entries.emplace_back(*entry);
  }
  for (std::string& change : changes)
    if (change.find('=') != std::string::npos) entries.push_back(std::move(change));
  return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// What its standard streams are: two pipes, or a terminal.
struct Streams {
  int out = -1;
  int err = -1;
  std::string terminal = {};
};

// posix_spawn and not fork: the test may have threads and a large heap.
pid_t spawn(std::vector<std::string>& command, std::vector<std::string> environment,
            const ProgramOptions& options, const Streams& streams) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (!options.folder.empty())
    posix_spawn_file_actions_addchdir_np(&actions, options.folder.c_str());
  if (streams.terminal.empty()) {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, streams.out, 1);
    posix_spawn_file_actions_adddup2(&actions, streams.err, 2);
  } else {  // the first that a session opens becomes its own
    for (const int fd : {0, 1, 2})
      posix_spawn_file_actions_addopen(&actions, fd, streams.terminal.c_str(), O_RDWR, 0);
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  for (int fd : options.closed) posix_spawn_file_actions_addclose(&actions, fd);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t pid = -1;
  int error = posix_spawnp(&pid, command.front().c_str(), &actions, &attributes,
                           pointers_to(command).data(), pointers_to(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(command.front() + ": " + std::strerror(error));
  return pid;
}

// Appends what the pipe has; closes it at its end.
void drain(int& fd, std::string& into) {
  std::array<char, 65536> buffer;
  auto got = read(fd, buffer.data(), buffer.size());
  if (got > 0) {
    into.append(buffer.data(), static_cast<std::size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    close(fd);
    fd = -1;
  }
}

}  // namespace

std::string ProgramResult::report() const {
  std::ostringstream text;
  text << "exit code " << exitcode << (timed_out ? " (killed at its deadline)" : "")
       << "\nstdout:\n"
       << out << "\nstderr:\n"
       << err;
  for (const std::string& process : left_running) text << "\nleft running: " << process;
  return text.str();
}

bool terminals_exist() {
  const int terminal = open_terminal();
  if (terminal >= 0) close(terminal);
  return terminal >= 0;
}

ChildProgram::ChildProgram(std::vector<std::string> command, ProgramOptions options)
    : options_(std::move(options)), mark_(next_mark()) {
  auto allowed = std::chrono::duration<double>(options_.deadline) * patience();
  deadline_ = steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(allowed);
  std::vector<std::string> changes = options_.environment;
  changes.push_back(mark_);
  if (options_.terminal) {
    out_fd_ = open_terminal();
    if (out_fd_ < 0) throw std::runtime_error("there are no pseudo terminals here");
    pid_ = spawn(command, environment_with(std::move(changes)), options_,
                 {.terminal = ptsname(out_fd_)});
    return;
  }
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  pid_ = spawn(command, environment_with(std::move(changes)), options_,
               {out.write_end, err.write_end});
  close(out.write_end);
  close(err.write_end);
  out_fd_ = out.read_end;
  err_fd_ = err.read_end;
}

ChildProgram::~ChildProgram() {
  kill_all();
  for (int fd : {out_fd_, err_fd_})
    if (fd >= 0) close(fd);
}

bool ChildProgram::out_of_time() const { return steady_clock::now() > deadline_; }

bool ChildProgram::read_some(int timeout_ms) {
  std::array<pollfd, 2> ends{{{out_fd_, POLLIN, 0}, {err_fd_, POLLIN, 0}}};
  if (out_fd_ < 0 && err_fd_ < 0) return false;
  poll(ends.data(), ends.size(), timeout_ms);
  if (ends[0].revents != 0) drain(out_fd_, result_.out);
  if (ends[1].revents != 0) drain(err_fd_, result_.err);
  return true;
}

std::optional<std::string> ChildProgram::read_line() {
  for (;;) {
    auto end = result_.out.find('\n', line_start_);
    if (end != std::string::npos) {
      std::string line = result_.out.substr(line_start_, end - line_start_);
      line_start_ = end + 1;
      return line;
    }
    if (out_fd_ < 0 || out_of_time()) return std::nullopt;
    read_some(100);
  }
}

void ChildProgram::type(const std::string& text) const {
  // After its end it is lost.
  [[maybe_unused]] const auto written = write(out_fd_, text.data(), text.size());
}

void ChildProgram::send_signal(int signal_number) {
  if (!status_) kill(pid_, signal_number);
}

std::vector<pid_t> ChildProgram::running() const {
  std::vector<pid_t> pids;
  for (const ProcessInfo& process : processes_with_environment(mark_))
    if (process.state != 'Z') pids.push_back(process.pid);
  return pids;
}

void ChildProgram::reap(bool wait) {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, wait ? 0 : WNOHANG) == pid_) status_ = status;
}

void ChildProgram::kill_all() {
  for (int round = 0; round < 200; ++round) {
    auto left = running();
    for (pid_t pid : left) kill(pid, SIGKILL);
    if (!status_) kill(pid_, SIGKILL);  // one that runs another user's program shows no environment
    reap(true);
    if (left.empty()) return;
    usleep(2000);
  }
}

std::vector<std::string> ChildProgram::wait_for_descendants() {
  auto until = steady_clock::now() + std::chrono::duration<double>(options_.lingering) * patience();
  while (!running().empty() && steady_clock::now() < until) {
    if (!read_some(5)) usleep(5000);
  }
  std::vector<std::string> left;
  for (const ProcessInfo& process : processes_with_environment(mark_))
    if (process.state != 'Z') left.push_back(describe(process));
  return left;
}

ProgramResult ChildProgram::finish() {
  while (!status_ && !out_of_time()) {
    if (!read_some(20)) usleep(2000);
    reap(false);
  }
  result_.timed_out = !status_;
  if (status_) result_.left_running = wait_for_descendants();
  kill_all();
  while (read_some(1000)) {
  }
  result_.exitcode = WIFEXITED(*status_) ? WEXITSTATUS(*status_) : -WTERMSIG(*status_);
  return result_;
}

ProgramResult run_program(std::vector<std::string> command, ProgramOptions options) {
  return ChildProgram{std::move(command), std::move(options)}.finish();
}

std::optional<ProgramResult> run_without_dev_shm(const std::string& tests) {
  const std::string run =
      "mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 && test ! -e /dev/shm || exit 77;"
      "exec \"$0\" \"$@\"";
  ProgramResult result =
      run_program({"unshare", "-m", "sh", "-c", run,
                   std::filesystem::read_symlink("/proc/self/exe"), "--gtest_filter=" + tests},
                  {.environment = {"GTEST_OUTPUT"}, .deadline = std::chrono::seconds{240}});
  if (result.exitcode == 77 || result.err.find("unshare: ") != result.err.npos) return std::nullopt;
  return result;
}

}  // namespace test_support
