#include "monitor/alert_body.hpp"

#include <chrono>
#include <utility>

#include "multiprocessing/base/logging.hpp"

namespace multiprocessing {
namespace detail {

void log_exception(const std::string& what) {
  try {
    throw;
  } catch (const std::exception& error) {
    get_logger().warning(what + " threw: " + error.what());
  } catch (...) {
    get_logger().warning(what + " threw something that is no std::exception");
  }
}

AlertBody::AlertBody(AlertOptions options, std::function<void(const AlertChange&)> callback)
    : options_(std::move(options)), callback_(std::move(callback)), rule_(options_) {}

void AlertBody::sample(Moment now, double number) {
  const std::lock_guard calling{calling_};
  if (cancelled()) return;
  {
    const std::lock_guard lock{mutex_};
    failure_ = nullptr;
  }
  tell(rule_.sample(now, number));
}

void AlertBody::end() {
  const std::lock_guard calling{calling_};
  if (!cancelled()) tell(rule_.end());
}

void AlertBody::fail(std::exception_ptr why) {
  bool first = false;
  {
    const std::lock_guard lock{mutex_};
    first = failure_ == nullptr && !cancelled_;
    failure_ = why;
  }
  if (!first) return;
  try {
    std::rethrow_exception(std::move(why));
  } catch (...) {
    log_exception("the measure of an alert");
  }
}

void AlertBody::tell(std::optional<AlertRule::Change> change) {
  if (!change) return;
  {
    const std::lock_guard lock{mutex_};
    state_ = change->state;
  }
  try {
    callback_({change->state, change->value, std::chrono::system_clock::now()});
  } catch (...) {
    log_exception("the callback of an alert");
  }
}

AlertState AlertBody::state() const {
  const std::lock_guard lock{mutex_};
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  return state_;
}

void AlertBody::cancel() {
  const std::lock_guard calling{calling_};
  const std::lock_guard lock{mutex_};
  cancelled_ = true;
  failure_ = nullptr;
}

bool AlertBody::cancelled() const {
  const std::lock_guard lock{mutex_};
  return cancelled_;
}

}  // namespace detail

AlertState Alert::state() const { return body_->state(); }
void Alert::cancel() const { body_->cancel(); }

}  // namespace multiprocessing
