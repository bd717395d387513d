#include "multiprocessing/synchronize/event.hpp"

#include <atomic>

#include "arena/event_count.hpp"
#include "base/fail_point.hpp"
#include "synchronize/place.hpp"

namespace multiprocessing {
namespace {

using detail::Deadline;
using Word = std::atomic<std::uint32_t>;

// The event's one word: whether it is set, whether a waiter sleeps, and above these how often it
// was set, by which a waiter sees a set() that a clear() has followed. A set() commits by one
// compare-and-swap, which takes the sleepers' bit away; then it wakes them. If its process is
// killed in between, the sleepers notice when they look by themselves.
constexpr std::uint32_t set_bit = 1;
constexpr std::uint32_t sleepers = 2;
constexpr std::uint32_t one_set = 4;

constexpr detail::ObjectMaker lazy{sizeof(Word), nullptr};

/// Whether it is set, or has been set since `seen` was read.
bool came(std::uint32_t now, std::uint32_t seen) {
  return (now & set_bit) != 0 || now / one_set != seen / one_set;
}

bool wait_for_set(Word& word, Timeout timeout) {
  const std::uint32_t at_start = word.load(std::memory_order_acquire);
  if ((at_start & set_bit) != 0) return true;
  if (timeout.length().count() == 0) return false;
  const Deadline deadline{timeout};
  detail::Wait wait{detail::back_off::news, "Event.wait"};
  for (;;) {
    std::uint32_t seen = 0;
    const auto has_come = [&] {
      seen = word.load(std::memory_order_acquire);
      return came(seen, at_start);
    };
    if (wait.spin(has_come)) return true;
    if (deadline.passed()) return false;
    if ((seen & sleepers) == 0 && !word.compare_exchange_strong(seen, seen | sleepers)) continue;
    detail::fail_point("synchronize.event.before_sleep");
    wait.sleep(word, seen | sleepers, deadline);
  }
}

}  // namespace

Event::Event() : word_(lazy) {}

bool Event::is_set() const {
  return (word_.as<Word>()->load(std::memory_order_acquire) & set_bit) != 0;
}

void Event::set() const {
  Word& word = *word_.as<Word>();
  std::uint32_t seen = word.load(std::memory_order_relaxed);
  do {
    if ((seen & set_bit) != 0) return;
  } while (!word.compare_exchange_weak(seen, ((seen + one_set) & ~sleepers) | set_bit,
                                       std::memory_order_acq_rel));
  detail::fail_point("synchronize.event.set");
  if ((seen & sleepers) != 0) (void)detail::wake(word);
}

void Event::clear() const {
  word_.as<Word>()->fetch_and(~set_bit, std::memory_order_acq_rel);
  detail::fail_point("synchronize.event.cleared");
}

void Event::wait() const { static_cast<void>(wait(Timeout::forever)); }

bool Event::wait(Timeout timeout) const { return wait_for_set(*word_.as<Word>(), timeout); }

std::string to_string(const Event& event) {
  return "<Event at " + detail::place_of(event.word_) + (event.is_set() ? " set>" : " unset>");
}

}  // namespace multiprocessing
