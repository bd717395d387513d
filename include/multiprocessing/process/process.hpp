// Process: a function, or an object's run(), in a process of its own.
#pragma once

#include <sys/types.h>

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/base/exit.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/target.hpp"
#include "multiprocessing/process/process_handle.hpp"
#include "multiprocessing/process/process_options.hpp"

namespace multiprocessing {

class Context;
template <class Derived>
class ProcessOf;

/// A child to be: a target with its arguments, after Python's `multiprocessing.Process`.
///
///     mp::Process child{greet, "bob"};
///     child.start();
///     child.join();
///     assert(child.exitcode() == 0);
///
/// Target and arguments are copied, as by `std::thread`, and the target is called with the copies
/// moved. Under `spawn` and `forkserver` they travel as bytes, so a lambda may not capture there:
/// pass what it needs as arguments. To override `run()` instead, derive from `ProcessOf`.
///
/// Destroying a `Process` lets its child go on. When a program ends, it ends its daemons and waits
/// for its other children; when it is killed, they are killed.
///
/// The child ends with code 0 when its target returns, with 1 and a report on standard error when
/// an exception escapes, and with `code & 0xff` when that is an `Exit` or it calls
/// `std::exit(code)`. Handlers that were registered with `std::atexit` in the child run, inherited
/// ones do not.
///
/// Any thread of the process that made it may ask about it, join or signal it; changing, starting,
/// closing and moving it are for one thread at a time. In another process, such as a forked child,
/// it is inert. Where nothing else is said, everything throws `ValueError` once it is closed.
class MULTIPROCESSING_API Process {
 public:
  /// A process that will call `target(args…)`, made by the start method chosen for the program.
  template <detail::TargetLike F, class... A>
  explicit Process(F&& target, A&&... args)
      : Process(detail::ProcessKind{}, ProcessOptions{},
                detail::make_target(std::forward<F>(target), std::forward<A>(args)...)) {}

  /// The same with a name of its own, as a daemon, …
  template <class F, class... A>
  Process(ProcessOptions options, F&& target, A&&... args)
      : Process(detail::ProcessKind{}, std::move(options),
                detail::make_target(std::forward<F>(target), std::forward<A>(args)...)) {}

  // A function of the program's that has the name of one of the system's, such as `read` or
  // `write`, is told from that by what it returns.
  template <class... P, class... A>
  explicit Process(void (*target)(P...), A&&... args)
      : Process(detail::ProcessKind{}, ProcessOptions{},
                detail::make_target(target, std::forward<A>(args)...)) {}
  template <class... P, class... A>
  Process(ProcessOptions options, void (*target)(P...), A&&... args)
      : Process(detail::ProcessKind{}, std::move(options),
                detail::make_target(target, std::forward<A>(args)...)) {}

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  virtual ~Process();

  /// What the child does: calls the target. Called here it does so in this process, and uses the
  /// arguments up: throws `AssertionError` the second time, and after `start()`.
  virtual void run();

  /// Runs `run()` in a new process. At most once, by the process that made this object.
  ///
  /// Throws `AssertionError` the second time, in another process and in a daemon;
  /// `SerializationError` for what cannot be sent; `OSError` when the system refuses;
  /// `std::runtime_error` before `main`. After any of them the object is as before.
  /// On return this process has dropped target and arguments.
  void start();

  /// Waits until the process has ended. Repeatable. Throws `AssertionError` before `start()`.
  void join();

  /// Waits at most `timeout`; says whether the process has ended.
  bool join(Timeout timeout);

  /// From `start()` until the process has ended.
  bool is_alive() const;

  /// Sends SIGTERM; nothing happens when it has ended. Throws `AssertionError` before `start()`.
  void terminate();
  /// Sends SIGKILL.
  void kill();
  /// Sends SIGINT.
  void interrupt();

  /// Gives back what this process holds for it; repeatable. Throws `ValueError` while it runs.
  /// Afterwards `name()`, `daemon()`, `authkey()` and `to_string()` still answer.
  void close();

  /// None before `start()`.
  [[nodiscard]] std::optional<pid_t> pid() const;
  [[nodiscard]] std::optional<pid_t> ident() const { return pid(); }

  /// None until it has ended; negative for a signal. 255 where that is not known: another thread
  /// reaped it, or the fork server died with it, on a kernel before 6.15.
  [[nodiscard]] std::optional<int> exitcode() const;

  /// A descriptor that is readable once the process has ended, for poll and `wait`; a pidfd, open
  /// until `close()` or the last handle is gone. Throws `ValueError` before `start()`.
  [[nodiscard]] int sentinel() const;

  [[nodiscard]] std::string name() const;
  void set_name(std::string name);

  [[nodiscard]] bool daemon() const;
  /// Throws `AssertionError` after `start()`.
  void set_daemon(bool daemon);

  /// The secret that the family's connections are authenticated with; inherited.
  [[nodiscard]] Bytes authkey() const;
  void set_authkey(Bytes key);

  /// To be copied, kept and sent where this object cannot. Throws `AssertionError` before
  /// `start()`.
  [[nodiscard]] ProcessHandle handle() const;

 private:
  template <class Derived>
  friend class ProcessOf;  // the only way to a subclass
  friend class Context;
  friend MULTIPROCESSING_API std::string to_string(const Process& process);

  Process(detail::ProcessKind kind, ProcessOptions options, std::unique_ptr<detail::Target> target);

  /// What a child that does not have this memory needs in order to do what run() does.
  virtual void write(detail::Writer& writer) const;

  std::shared_ptr<detail::Child> child_;
  std::unique_ptr<detail::Target> target_;
};

/// `<Process name='Process-1' pid=12 parent=11 started daemon>`, as Python's repr.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const Process& process);

}  // namespace multiprocessing
