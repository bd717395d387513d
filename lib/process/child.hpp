// Child: what a Process, the list of children and handles share about one child.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arena/member.hpp"
#include "base/deadline.hpp"
#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/process/process_options.hpp"
#include "process/fork_gate.hpp"
#include "process/popen.hpp"
#include "process/process_record.hpp"

namespace multiprocessing::detail {

/// A child of the process that made this, from before its start until it is asked for no more. Any
/// thread of that process may ask.
///
/// In another process it is inert: there it tells name and pid, and throws AssertionError for the
/// rest. The one exception is the child itself, where it stands for the calling process.
class Child {
 public:
  Child(ProcessKind kind, ProcessOptions options);

  /// The calling process, as the object that its parent started.
  [[nodiscard]] static std::shared_ptr<Child> calling_process(ProcessKind kind);

  [[nodiscard]] std::string name() const;
  void set_name(std::string name);
  [[nodiscard]] bool daemon() const;
  void set_daemon(bool daemon);
  [[nodiscard]] Bytes authkey() const;
  void set_authkey(Bytes key);

  /// "<Process name='Process-1' parent=11 initial>".
  [[nodiscard]] std::string describe();

  [[nodiscard]] bool started() const { return state_.load() != State::initial; }

  /// Throws what start() would throw for reasons that are known before.
  void check_startable(bool has_target) const;
  /// To be called when check_startable() has not thrown.
  void start(std::function<void()> run, std::function<void(Writer&)> write_body);

  /// Throws ValueError while it runs; afterwards check_open() throws.
  void close();
  void check_open() const;

  /// 0 before the start.
  [[nodiscard]] pid_t pid() const;
  [[nodiscard]] Member member() const { return member_; }
  [[nodiscard]] bool is_alive();
  [[nodiscard]] std::optional<int> exitcode();
  [[nodiscard]] bool join(const Deadline& deadline);
  [[nodiscard]] int sentinel();
  void send_signal(int signal);

  [[nodiscard]] bool outlives_parent() const { return options_.outlive_parent; }

  /// Whether it is a child of this process, and not one of a process that this was forked from.
  [[nodiscard]] bool is_ours() const { return creator_.is_this_process() && !is_current_; }

  /// In the child: from now on this is the calling process.
  void become_current();

 private:
  enum class State { initial, started, closed };

  Child(ProcessKind kind, ProcessOptions options, Lineage lineage);

  void check_creator(const char* doing) const;
  void check_started(const char* doing) const;
  [[nodiscard]] std::string kind_name() const;
  [[nodiscard]] std::string first_name() const;  // until set_name()

  /// Without the mutex in a child that was forked while another thread held it: no thread is there
  /// to let it go.
  [[nodiscard]] std::unique_lock<std::mutex> lock() const;
  [[nodiscard]] Preparation preparation() const;

  /// Null once closed.
  [[nodiscard]] std::shared_ptr<Popen> popen() const;
  [[nodiscard]] std::optional<int> poll();

  /// With ending_ held; `popen` is that of a child that has ended, or null once closed.
  std::optional<int> find_exitcode(Popen* popen, const std::unique_lock<std::mutex>& ending);

  const Creator creator_;
  pid_t creator_pid_;
  const ProcessKind kind_;
  const ProcessOptions options_;
  const Lineage lineage_;
  bool is_current_ = false;

  // Written once by start(), and read by forked children too, which cannot take the mutex.
  std::atomic<State> state_ = State::initial;
  std::atomic<pid_t> pid_ = 0;
  Member member_;

  mutable std::mutex mutex_;  // guards what follows, up to popen_
  std::string name_;
  bool daemon_;
  Bytes authkey_;
  std::shared_ptr<Popen> popen_;

  // Held while one thread finds out how the child ended, which takes a second when the fork server
  // stands still. Guards what follows.
  std::mutex ending_;
  std::optional<int> exitcode_;
};

/// The children that this process has started and not yet seen end.
using Children = std::vector<std::shared_ptr<Child>>;
[[nodiscard]] Children all_children();
void add_child(std::shared_ptr<Child> child);

/// Those that live. Reaps the others.
[[nodiscard]] Children living_children();

/// Of a child that was started.
[[nodiscard]] std::shared_ptr<ProcessRecord> record_of(std::shared_ptr<Child> child);

/// Null when it is none of them.
[[nodiscard]] std::shared_ptr<Child> child_with(Member member);

}  // namespace multiprocessing::detail
