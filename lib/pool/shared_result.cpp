#include "multiprocessing/detail/shared_result.hpp"

#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/base/signals.hpp"
#include "multiprocessing/detail/codec/exception.hpp"
#include "pool/told_origin.hpp"

namespace multiprocessing::detail {

AnyResult::~AnyResult() = default;

std::exception_ptr AnyResult::error() {
  const std::scoped_lock guard{mutex_};
  seen_.store(true, std::memory_order_relaxed);
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

std::string AnyResult::output() const {
  throw ValueError("this result has no output that was kept: for one task, say .capture_output");
}

void AnyResult::log_unseen(const Origin& origin) noexcept {
  if (seen_.load(std::memory_order_relaxed)) return;
  try {
    const std::exception_ptr failure = error();
    if (failure == nullptr) return;
    std::string text = "a task failed, and its result went unseen: " + describe_exception(failure);
    // That of a death has it already.
    if (const std::string place = told_origin(origin); text.find(place) == text.npos) text += place;
    get_logger().warning(text);
  } catch (const std::exception&) {
    // No memory for it, or this process is no member of the family any more.
  }
}

void await_success(AnyResult& result, Timeout timeout) {
  if (!result.wait(timeout)) throw TimeoutError("the result has not come in time");
  if (const std::exception_ptr error = result.error()) std::rethrow_exception(error);
}

}  // namespace multiprocessing::detail
