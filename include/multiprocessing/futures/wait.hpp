// wait, as_completed: for several futures at once.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/iteration.hpp"
#include "multiprocessing/futures/future.hpp"
#include "multiprocessing/pool/results.hpp"

namespace multiprocessing {

/// What `wait` waits for. An exception is not that of a future that was cancelled.
enum class ReturnWhen { all_completed, first_completed, first_exception };

struct WaitOptions {
  Timeout timeout = Timeout::infinite;
  ReturnWhen return_when = ReturnWhen::all_completed;
};

/// Python's two sets, each in the order given and without those that were given twice.
template <class F>
struct DoneAndNotDone {
  std::vector<F> done = {};
  std::vector<F> not_done = {};
};

namespace detail {

using FutureStates = std::vector<std::shared_ptr<FutureState>>;

/// Waits for states of which none is twice; which are done.
[[nodiscard]] MULTIPROCESSING_API std::vector<bool> wait_for(const FutureStates& futures,
                                                             const WaitOptions& options);

/// The states in the order in which they are done, by place. None is twice, and the caller keeps
/// those that have not been given.
class MULTIPROCESSING_API Completions {
 public:
  Completions(const FutureStates& futures, Timeout timeout);
  ~Completions();
  Completions(const Completions&) = delete;

  /// None when all have been given. Throws TimeoutError.
  [[nodiscard]] std::optional<std::size_t> next(Timeout timeout);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Which places of a list have what no place before has.
[[nodiscard]] MULTIPROCESSING_API std::vector<std::size_t> first_places(const FutureStates& all);

class FuturesAccess {
 public:
  template <class F>
  static DoneAndNotDone<F> wait(const std::vector<F>& futures, const WaitOptions& options) {
    const std::vector<F> unique = without_doubles(futures);
    const std::vector<bool> done = wait_for(states_of(unique), options);
    DoneAndNotDone<F> both;
    for (std::size_t i = 0; i < unique.size(); ++i)
      (done[i] ? both.done : both.not_done).push_back(unique[i]);
    return both;
  }

  template <class F>
  static Results<F> as_completed(const std::vector<F>& futures, Timeout timeout) {
    return Results<F>(std::make_unique<AsCompleted<F>>(without_doubles(futures), timeout));
  }

 private:
  template <class F>
  class AsCompleted final : public ResultSource<F> {
   public:
    AsCompleted(const std::vector<F>& futures, Timeout timeout)
        : futures_(futures.begin(), futures.end()), completions_(states_of(futures), timeout) {}

    std::optional<F> next(Timeout timeout) override {
      const auto place = completions_.next(timeout);
      if (!place) return {};
      return std::exchange(futures_[*place], std::nullopt);
    }

   private:
    std::vector<std::optional<F>> futures_;  // those that have not been given
    Completions completions_;
  };

  template <class F>
  static FutureStates states_of(const std::vector<F>& futures) {
    FutureStates states;
    states.reserve(futures.size());
    for (const F& future : futures) states.push_back(future.state_);
    return states;
  }

  template <class F>
  static std::vector<F> without_doubles(const std::vector<F>& futures) {
    std::vector<F> unique;
    for (const std::size_t place : first_places(states_of(futures)))
      unique.push_back(futures[place]);
    return unique;
  }
};

}  // namespace detail

/// Waits for all, for the first that is done, or for the first with an exception; or until the
/// time-out. One that was cancelled by hand is done once its executor has been told
/// (`set_running_or_notify_cancel`), as in Python. In a callback, what would wait for another
/// callback of the same executor throws `AssertionError`.
template <class R>
DoneAndNotDone<Future<R>> wait(const std::vector<Future<R>>& futures, WaitOptions options = {}) {
  return detail::FuturesAccess::wait(futures, options);
}

/// For futures of several types: `mp::wait({number, text})`.
inline DoneAndNotDone<AnyFuture> wait(const std::vector<AnyFuture>& futures,
                                      WaitOptions options = {}) {
  return detail::FuturesAccess::wait(futures, options);
}
inline DoneAndNotDone<AnyFuture> wait(std::initializer_list<AnyFuture> futures,
                                      WaitOptions options = {}) {
  return detail::FuturesAccess::wait(std::vector<AnyFuture>(futures), options);
}

/// The futures as they are done, those that are already first. A future that was given twice comes
/// once; one that has been given is kept no longer. Once the time-out, counted from this call, has
/// passed and not all are done, throws `TimeoutError`: "2 (of 4) futures unfinished".
template <class R>
Results<Future<R>> as_completed(const std::vector<Future<R>>& futures,
                                Timeout timeout = Timeout::infinite) {
  return detail::FuturesAccess::as_completed(futures, timeout);
}
inline Results<AnyFuture> as_completed(const std::vector<AnyFuture>& futures,
                                       Timeout timeout = Timeout::infinite) {
  return detail::FuturesAccess::as_completed(futures, timeout);
}
inline Results<AnyFuture> as_completed(std::initializer_list<AnyFuture> futures,
                                       Timeout timeout = Timeout::infinite) {
  return detail::FuturesAccess::as_completed(std::vector<AnyFuture>(futures), timeout);
}

}  // namespace multiprocessing
