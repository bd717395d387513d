// Callbacks, ErrorCallback, TaskOptions: what is called with a result, and what may be said of one
// task.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/codec/exception.hpp"

namespace multiprocessing {

namespace detail {

template <class R>
struct CallbackFor {
  using type = std::function<void(const R&)>;
};
template <>
struct CallbackFor<void> {
  using type = std::function<void()>;
};

}  // namespace detail

/// Is called with a result, or with nothing when the function gives nothing.
template <class R>
using callback_for = typename detail::CallbackFor<R>::type;

/// Is called with what went wrong: a callable that takes `const std::exception&` or, also for what
/// is none, such as `mp::Exit`, `std::exception_ptr`. One that takes both is given the first. One
/// that takes `std::exception` gets a `RemoteError` for what is none.
class ErrorCallback {
 public:
  ErrorCallback() = default;

  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, ErrorCallback> &&
           (std::invocable<F&, const std::exception&> || std::invocable<F&, std::exception_ptr>))
      ErrorCallback(F callback) {
    if constexpr (std::invocable<F&, const std::exception&>) {
      call_ = [callback = std::move(callback)](const std::exception_ptr& error) mutable {
        try {
          std::rethrow_exception(error);
        } catch (const std::exception& exception) {
          callback(exception);
        } catch (...) {
          callback(RemoteError(detail::describe_exception(error)));
        }
      };
    } else {
      call_ = std::move(callback);
    }
  }

  [[nodiscard]] explicit operator bool() const { return call_ != nullptr; }
  void operator()(const std::exception_ptr& error) const { call_(error); }

 private:
  std::function<void(std::exception_ptr)> call_;
};

/// What is called when a result has come: one of the two, once, in a thread of the pool's own in
/// the process that submitted, before the result becomes ready. See docs/pool.md.
template <class R>
struct Callbacks {
  callback_for<R> callback = {};
  ErrorCallback error_callback = {};
};

/// What may be said of one task; Python's keyword arguments of `apply_async`, and those of
/// `SubmitOptions`, which it does not have as a base: then its members could not be named in
/// braces.
template <class R>
struct TaskOptions {
  callback_for<R> callback = {};
  ErrorCallback error_callback = {};

  Timeout timeout = Timeout::infinite;
  Timeout expires = Timeout::infinite;
  int priority = 0;
  int retries = 0;
  int oom_retries = 0;
  std::map<std::string, int> tokens = {};
  std::stop_token stop = {};
  bool capture_output = false;
  Where where = Where::current();
};

}  // namespace multiprocessing
