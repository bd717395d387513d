#include "pool/delivery.hpp"

#include <unistd.h>

#include <system_error>
#include <utility>

#include "arena/event_count.hpp"
#include "base/all_signals_blocked.hpp"
#include "base/fail_point.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/write_whole.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/codec/exception.hpp"

namespace multiprocessing::detail {
namespace {

// The delivery that this thread is the thread of.
constinit thread_local const Delivery* own_delivery = nullptr;

}  // namespace

void Delivery::start() {
  const std::scoped_lock guard{mutex_};
  if (thread_.joinable() || over_) return;
  // The program's signals are for its own threads.
  const AllSignalsBlocked blocked;
  counted_.emplace();
  try {
    fail_point("pool.delivery.start");
    running_ = 1;
    thread_ = std::thread([self = shared_from_this()] { self->run(); });
  } catch (const std::system_error& error) {
    running_ = 0;
    counted_.reset();
    throw_os_error(error.code().value(), "pthread_create", "the thread of a pool's callbacks");
  }
}

bool Delivery::add(std::shared_ptr<Delivered> delivered) noexcept {
  const std::scoped_lock guard{mutex_};
  if (over_) return false;
  Delivered* const added = delivered.get();
  (last_ == nullptr ? first_ : last_->next_) = std::move(delivered);
  last_ = added;
  return true;
}

std::shared_ptr<Delivered> Delivery::take(bool last) {
  const std::scoped_lock guard{mutex_};
  std::shared_ptr<Delivered> taken = std::move(first_);
  if (taken != nullptr)
    first_ = std::move(taken->next_);
  else
    over_ = last;
  if (first_ == nullptr) last_ = nullptr;
  return taken;
}

void Delivery::run() {
  own_delivery = this;
  EventCount& ends = tasks_->ends();
  for (Wait wait{back_off::messages, "the callbacks of a Pool", &ends.looks()};;) {
    const std::uint32_t key = ends.key();
    const bool last = tasks_->tell_of_ends();
    while (const std::shared_ptr<Delivered> next = take(last)) {
      next->deliver();
      // What a callback forked comes back here, if it comes back at all.
      if (!tasks_->in_creator()) return;
      static_cast<void>(tasks_->tell_of_ends());
      wait.start_again();
    }
    if (last) break;
    ends.wait(wait, key, Deadline::never());
  }
  running_ = 0;
  (void)wake(running_);
}

void Delivery::join() {
  if (is_this_thread()) return;
  for (Wait wait{back_off::news, "Pool.join"}; running_.load() != 0;)
    wait.sleep(running_, 1, Deadline::never());
  join_or_leave();
}

void Delivery::join_or_leave() noexcept {
  {
    const std::scoped_lock guard{mutex_};
    if (!thread_.joinable()) over_ = true;
  }
  const std::scoped_lock guard{joining_};
  if (!thread_.joinable()) return;
  if (is_this_thread()) return thread_.detach();
  thread_.join();
  counted_.reset();
}

bool Delivery::is_this_thread() const { return own_delivery == this; }

bool Delivery::runs_in_this_thread() { return own_delivery != nullptr; }

// ---- what is delivered

Delivered::~Delivered() = default;

void Delivered::expect(std::uint32_t tasks) {
  missing_ = tasks;
  if (tasks != 0) return;
  if (!delivery_->add(shared_from_this())) delivery_->tasks().check_open();
  delivery_->tasks().ends().notify_all();
}

void Delivered::task_ended(std::uint32_t, std::shared_ptr<Follower> self) noexcept {
  if (missing_.fetch_sub(1) == 1)
    static_cast<void>(delivery_->add(std::static_pointer_cast<Delivered>(std::move(self))));
}

void Delivered::deliver() noexcept {
  const bool good = read();
  try {
    call();
  } catch (...) {
    write_whole(STDERR_FILENO, "multiprocessing: a callback of a pool threw " +
                                   describe_exception(std::current_exception()) + "\n");
  }
  stage_ = good ? went_well : failed;
  (void)wake(stage_);
}

bool Delivered::is_ready() const { return stage_.load() != pending; }

bool Delivered::wait_until_ready(Timeout timeout) const {
  if (!delivery_->tasks().in_creator())
    throw AssertionError("a task's result belongs to the process that submitted the task");
  const Deadline deadline{timeout};
  if (!wait_before(deadline)) return false;
  for (Wait wait{back_off::messages, "AsyncResult.get"};;) {
    if (wait.spin([this] { return is_ready(); })) break;
    if (deadline.passed()) return false;
    if (delivery_->is_this_thread())
      throw AssertionError(
          "a callback cannot wait for a result with a callback of the same pool, which runs "
          "afterwards: look at it in that callback");
    wait.sleep(stage_, pending, deadline);
  }
  if (stage_.load() == failed) check_interruption();  // its worker may have died of the same signal
  return true;
}

}  // namespace multiprocessing::detail
