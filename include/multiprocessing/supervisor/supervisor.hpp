// Supervisor: starts children in order, restarts those that die, stops all in bounded time.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/kept_call.hpp"
#include "multiprocessing/process/stop_report.hpp"
#include "multiprocessing/supervisor/child_options.hpp"
#include "multiprocessing/supervisor/child_status.hpp"
#include "multiprocessing/supervisor/supervisor_options.hpp"

namespace multiprocessing {

namespace detail {
class SupervisorCore;
}

template <class T>
class Queue;

/// Keeps children running, after Erlang's supervisors.
///
///     mp::Supervisor services{{.strategy = mp::Strategy::rest_for_one}};
///     services.add({.name = "store", .ready_within = 5s}, keep_store, path);
///     services.add({.name = "parser", .count = 4}, parse, in, out);
///     return services.run();
///
/// Children start in the order of `add`, each after the one before is ready, and stop in reverse.
/// Each is asked to stop (`mp::stop_requested()`), then gets SIGTERM, then SIGKILL, within its own
/// bound and within one for all. When the process that supervises is killed its children are
/// killed with it, and theirs with them.
///
/// Target and arguments are copied for each start. Any thread of the process that made it may use
/// it, callbacks included; in another process everything throws `AssertionError`. After
/// `std::move` it may only be assigned to or destroyed.
class MULTIPROCESSING_API Supervisor {
 public:
  /// Throws `ValueError` for a negative `intensity` and a `period` of 0.
  explicit Supervisor(SupervisorOptions options = {});
  Supervisor(Supervisor&& other) noexcept;
  Supervisor& operator=(Supervisor&& other) noexcept;
  /// As `stop()`.
  ~Supervisor();

  /// A child that calls `target(args…)`. While the supervisor runs, it is started at once, and what
  /// fails then is thrown, with no child added. Throws `ValueError` for a name that is taken and
  /// options that make no sense, `AssertionError` while it stops.
  template <class F, class... A>
  requires(!std::same_as<std::remove_cvref_t<F>, Supervisor>) void add(ChildOptions options,
                                                                       F&& target, A&&... args) {
    add(std::move(options), detail::keep_call(std::forward<F>(target), std::forward<A>(args)...));
  }

  /// A subtree, in a process of its own or in this one. It is ready when all its children are. That
  /// it gives up counts as its death. Throws `AssertionError` for one that runs.
  void add(ChildOptions options, Supervisor subtree);

  /// Stops the child, waits for its end, and forgets it; a callback does not wait. `KeyError` for a
  /// name that there is not.
  void remove(std::string_view name);

  /// Has the child's processes stopped and started again, one after the other, each when the one
  /// before is ready; a child that has ended is started. Does not wait for that. `KeyError`.
  void restart(std::string_view name);

  /// Has the child run in so many processes. Does not wait for those that are to stop. 0 is
  /// allowed. `KeyError`; `ValueError` for a negative number.
  void scale(std::string_view name, int count);

  /// Starts, and supervises in this thread until SIGTERM, SIGINT or `stop()`; a second signal kills
  /// what is left. SIGHUP restarts all children one by one. 0, or 1 when it has given up, with a
  /// line on standard error. What fails at the start is thrown, after what had started is stopped.
  ///
  /// Where $NOTIFY_SOCKET is set, as by systemd, it is told READY, STOPPING and WATCHDOG.
  int run();

  /// Starts, and supervises in a thread of its own from now on. Returns when all children are
  /// ready. Throws `RestartLimitExceeded` where a child died too often before that, `OSError` where
  /// one cannot be started, `SerializationError` where it cannot be sent: what had started is
  /// stopped. `AssertionError` while it runs; when it has stopped it may start again.
  void start();

  /// Stops all children, in reverse order, and says what each needed. Any thread may call it, also
  /// during `start()`, and again; in a callback it does not wait, and the report is empty.
  StopReport stop();

  /// Waits until it has stopped. Throws `RestartLimitExceeded` where it has given up.
  void join();
  /// Waits at most `timeout`; says whether it has stopped.
  bool join(Timeout timeout);

  [[nodiscard]] std::vector<ChildStatus> children() const;

  /// Has `callback` called with each event, in their order, in the thread that supervises. It may
  /// call all of this but what waits. What it throws is logged. To be set before the start.
  void on_event(std::function<void(const SupervisorEvent&)> callback);

  /// Has each event put into `queue`, too. One that is full loses it.
  void events_to(const Queue<SupervisorEvent>& queue);

 private:
  friend class detail::SupervisorCore;
  friend MULTIPROCESSING_API std::string to_string(const Supervisor& supervisor);
  friend MULTIPROCESSING_API std::string to_json(const Supervisor& supervisor);

  void add(ChildOptions options, std::shared_ptr<const detail::KeptCall> call);
  [[nodiscard]] detail::SupervisorCore& core() const;

  std::shared_ptr<detail::SupervisorCore> core_;
};

/// The tree, a line for each child: name, state, process id, restarts.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const Supervisor& supervisor);

/// The same for programs.
[[nodiscard]] MULTIPROCESSING_API std::string to_json(const Supervisor& supervisor);

}  // namespace multiprocessing
