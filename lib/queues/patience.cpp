#include "queues/patience.hpp"

#include "base/fail_point.hpp"

namespace multiprocessing::detail {

bool Patience::wait(const Deadline& deadline) {
  if (wait_.spin([&] { return moved(); })) {
    side_.pace.let_ahead();
    return true;
  }
  if (deadline.passed()) return false;
  // First the flag, then the look: who moves the position does it the other way round.
  wanted_.fetch_or(sleepers_wanted);
  fence_against(other_);
  fail_point("queue.wait.before_sleep");
  const Deadline limit = alone_ ? deadline.at_most(untold) : deadline;
  if (!moved()) wait_.sleep(low_half(watched_.word), Position::from(seen_).items, limit);
  slept_in_vain_ = !moved();
  // The process that should wake the others may have died when it had taken the flag down, and they
  // will not put it up again while they sleep. With it, whoever succeeds now and sees more wakes
  // the next.
  if (!slept_in_vain_) wanted_.fetch_or(sleepers_wanted);
  // The process that changed the state may have died before it woke all.
  if (body_.state.load() != state_) (void)wake(low_half(watched_.word));
  return true;
}

void wake_one(std::atomic<std::uint32_t>& wanted, const PublishedPosition& moved) {
  if ((wanted.load() & sleepers_wanted) == 0) return;
  wanted.fetch_and(~sleepers_wanted);
  fail_point("queue.wake.cleared");
  // There may be more of them, who would not say so again while they sleep.
  if (wake(low_half(moved.word), 1) > 0) wanted.fetch_or(sleepers_wanted);
}

}  // namespace multiprocessing::detail
