#include "futures/end_of_future.hpp"

#include <unistd.h>

#include <string>
#include <utility>

#include "base/write_whole.hpp"
#include "multiprocessing/detail/codec/exception.hpp"
#include "multiprocessing/detail/delivered.hpp"

namespace multiprocessing::detail {

/// The callbacks of a future on their way to the delivery thread.
class Notice final : public Delivered {
 public:
  Notice(std::shared_ptr<Delivery> delivery, std::shared_ptr<EndOfFuture> end,
         std::shared_ptr<FutureState> future)
      : Delivered(std::move(delivery)), end_(std::move(end)), future_(std::move(future)) {
    expect(1);
  }

 private:
  bool read() override { return true; }
  void call() override { end_->call(std::exchange(future_, nullptr)); }

  const std::shared_ptr<EndOfFuture> end_;
  std::shared_ptr<FutureState> future_;
};

bool EndOfFuture::add(const Callback& callback, const std::shared_ptr<FutureState>& future,
                      const std::shared_ptr<Delivery>& delivery) {
  const std::scoped_lock guard{mutex_};
  if (called_ || settled_) return false;
  callbacks_.push_back(callback);
  if (delivery != nullptr && notice_ == nullptr)
    notice_ = std::make_shared<Notice>(delivery, shared_from_this(), future);
  return true;
}

bool EndOfFuture::add(const std::shared_ptr<Arrivals>& arrivals, std::uint32_t tag) {
  const std::scoped_lock guard{mutex_};
  if (settled_) return false;
  waiters_.push_back({arrivals, tag});
  return true;
}

void EndOfFuture::forget(const Arrivals& arrivals) {
  const std::scoped_lock guard{mutex_};
  std::erase_if(waiters_, [&](const Waiter& each) { return each.arrivals.get() == &arrivals; });
}

void EndOfFuture::settle() noexcept {
  std::vector<Waiter> waiters;
  {
    const std::scoped_lock guard{mutex_};
    settled_ = true;
    waiters.swap(waiters_);
  }
  for (const Waiter& each : waiters) each.arrivals->add(each.tag);
}

void EndOfFuture::task_ended(std::uint32_t, std::shared_ptr<Follower>) noexcept {
  settle();
  std::shared_ptr<Notice> notice;
  {
    const std::scoped_lock guard{mutex_};
    notice.swap(notice_);
  }
  if (Notice* const told = notice.get()) told->task_ended(0, std::move(notice));
}

void EndOfFuture::call(const std::shared_ptr<FutureState>& future) noexcept {
  std::vector<Callback> callbacks;
  std::shared_ptr<Notice> unused;  // when the task had ended before it was followed
  {
    const std::scoped_lock guard{mutex_};
    called_ = true;
    callbacks.swap(callbacks_);
    unused.swap(notice_);
  }
  for (const Callback& callback : callbacks) call_isolated(callback, future);
}

void call_isolated(const FutureState::Callback& callback,
                   const std::shared_ptr<FutureState>& future) noexcept {
  try {
    callback(future);
  } catch (...) {
    write_whole(STDERR_FILENO, "multiprocessing: a callback of a future threw " +
                                   describe_exception(std::current_exception()) + "\n");
  }
}

}  // namespace multiprocessing::detail
