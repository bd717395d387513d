#include "arena/event_count.hpp"

#include <algorithm>

#include "base/fail_point.hpp"
#include "base/interruption.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

// Between looks of all sleepers together, in the mean. Four to eight of them to a lock's period are
// enough, and what they cost is bounded whatever their number.
constexpr std::chrono::nanoseconds too_often = 6ms;
constexpr std::chrono::nanoseconds too_seldom = 25ms;

constinit std::atomic<SleepObserver*> observer{nullptr};

/// Between 3/4 of it and all of it.
std::chrono::nanoseconds about(std::chrono::nanoseconds length) {
  const auto noise = std::chrono::steady_clock::now().time_since_epoch().count() >> 4 & 127;
  return length * (384 + noise) / 512;
}

/// Tells the observer, if there is one, for as long as this thread sleeps.
class Observed {
 public:
  explicit Observed(const Sleep& sleep) : sleep_(sleep), observer_(observer.load()) {
    if (observer_ != nullptr) looks_up_ = observer_->begins(sleep_);
  }
  ~Observed() {
    if (observer_ != nullptr) observer_->ended(sleep_);
  }
  Observed(const Observed&) = delete;
  [[nodiscard]] bool looks_up() const { return looks_up_; }
  [[nodiscard]] auto since() const { return sleep_.since; }

 private:
  const Sleep sleep_;
  SleepObserver* const observer_;
  bool looks_up_ = true;
};

}  // namespace

SleepObserver* observe_sleeps(SleepObserver* wanted) { return observer.exchange(wanted); }

// Only whole sleeps of the longest kind count. A thread that polls with short time-outs looks for
// itself alone, and would have the others look less and less.
void Wait::share_the_looks() {
  if (length_ < how_.longest) {
    seen_looks_ = looks_->load(std::memory_order_relaxed);
    return;
  }
  const std::uint32_t now = looks_->fetch_add(1, std::memory_order_relaxed) + 1;
  const std::uint32_t others = now - seen_looks_ - 1;
  seen_looks_ = now;
  if (others * too_often > length_)
    longest_ = std::min<std::chrono::nanoseconds>(longest_ * 2, how_.seldom);
  else if (others * too_seldom < length_)
    longest_ = std::max<std::chrono::nanoseconds>(longest_ / 2, how_.longest);
}

void Wait::sleep(const std::atomic<std::uint32_t>& word, std::uint32_t seen,
                 const Deadline& deadline) {
  const Observed observed{{word, operation_, std::chrono::steady_clock::now()}};
  const auto nap = about(length_);
  const Deadline limit = observed.looks_up() ? deadline.at_most(nap) : deadline;
  last_ = futex_wait(word, seen, how_.of_program ? interruptible(limit) : limit);
  const bool whole =
      last_ == Woken::timed_out && std::chrono::steady_clock::now() - observed.since() >= nap;
  if (whole && looks_ != nullptr) share_the_looks();
  length_ = std::min(length_ * 2, longest_);
}

int wake(const std::atomic<std::uint32_t>& word, int count) { return futex_wake(word, count); }

void EventCount::wait(Wait& wait, std::uint32_t key, const Deadline& deadline) {
  const auto notified = [&] { return (word_.load() & ~sleepers) != key; };
  if (wait.spin(notified)) return;
  (void)word_.fetch_or(sleepers);
  fail_point("arena.event_count.before_sleep");
  wait.sleep(word_, key | sleepers, deadline);
}

// The mark stays until a wake finds no sleeper, so that a process that dies or is stopped in here
// does not keep others from waking. It is taken away together with a change of the count, so that a
// thread that goes to sleep meanwhile finds the word changed or is woken.
void EventCount::wake_some(int count) {
  fail_point("arena.event_count.before_wake");
  if (wake(word_, count) > 0) return;
  std::uint32_t seen = word_.load();
  while (!word_.compare_exchange_weak(seen, (seen + one) & ~sleepers)) {
  }
  fail_point("arena.event_count.marked_awake");
  (void)wake(word_);
}

}  // namespace multiprocessing::detail
