#include "queues/patience.hpp"

#include "base/fail_point.hpp"

namespace multiprocessing::detail {

bool Patience::wait(const Deadline& deadline) {
  if (!wait_) wait_.emplace(back_off::messages, operation_, &watched_.looks);
  constexpr int looks_per_clock = 256;
  int looks = 0;
  const bool over =
      wait_->spin([&] { return moved() || (++looks % looks_per_clock == 0 && deadline.passed()); });
  if (over && moved()) {
    side_.pace.let_ahead();
    return true;
  }
  if (deadline.passed()) return false;
  // First the flag, then the look: the side that moves the position does it the other way round.
  const std::uint32_t calls = watched_.calls.load();
  wanted_.fetch_or(sleepers_wanted);
  other_.lock().fence();
  fail_point("queue.wait.before_sleep");
  const Deadline limit = alone_ ? deadline.at_most(untold) : deadline;
  if (!moved(std::memory_order_seq_cst)) wait_->sleep(watched_.calls, calls, limit);
  slept_in_vain_ = !moved();
  if (!slept_in_vain_) wait_->start_again();
  // The process that should wake the others may have died when it had taken the flag down, and they
  // will not put it up again while they sleep. With it, a call that succeeds now and sees more
  // wakes the next.
  if (!slept_in_vain_) wanted_.fetch_or(sleepers_wanted);
  // The process that changed the state may have died before it woke all.
  if (body_.state.load() != state_) call_all(watched_);
  return true;
}

void call_all(PublishedPosition& moved) {
  moved.calls.fetch_add(1);  // those about to sleep look again
  fail_point("queue.wake.called");
  (void)wake(moved.calls);
}

// The flag stays while some may sleep. When it is taken down, a thread that has put it up just
// before, and goes to sleep with it down, finds another count of calls, or is woken.
void wake_one(std::atomic<std::uint32_t>& wanted, PublishedPosition& moved) {
  if ((wanted.load() & sleepers_wanted) == 0) return;
  moved.calls.fetch_add(1);
  fail_point("queue.wake.counted");
  if (wake(moved.calls, 1) > 0) return;
  wanted.fetch_and(~sleepers_wanted);
  fail_point("queue.wake.cleared");
  call_all(moved);
}

}  // namespace multiprocessing::detail
