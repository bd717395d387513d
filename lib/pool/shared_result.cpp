#include "multiprocessing/detail/shared_result.hpp"

#include "multiprocessing/base/signals.hpp"

namespace multiprocessing::detail {

AnyResult::~AnyResult() = default;

std::exception_ptr AnyResult::error() {
  const std::scoped_lock guard{mutex_};
  if (!is_read_) {
    const Uninterrupted whole;  // what it mentions can be taken once
    try {
      read_value();
    } catch (...) {
      error_ = std::current_exception();
      if (error_ == nullptr) throw;  // pthread_cancel
    }
    is_read_ = true;
  }
  return error_;
}

void await_success(AnyResult& result, Timeout timeout) {
  if (!result.wait(timeout)) throw TimeoutError("the result has not come in time");
  if (const std::exception_ptr error = result.error()) std::rethrow_exception(error);
}

}  // namespace multiprocessing::detail
