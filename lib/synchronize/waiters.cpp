#include "synchronize/waiters.hpp"

#include "arena/event_count.hpp"
#include "arena/family.hpp"
#include "base/fail_point.hpp"
#include "base/interruption.hpp"
#include "synchronize/lock_core.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::uint32_t notified = 1;
constexpr std::uint32_t ownerless = notified;  // a notification for the first waiter that takes it

bool is_waiting(std::uint32_t word) { return word != 0 && (word & notified) == 0; }

/// Numbers wrap; no two that are compared are 2^31 apart.
bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

bool is_dead(std::uint32_t word) {
  return (word & ~notified) != own_name() && !alive(OwnerLock::named(word));
}

/// Whether `word` is a notification that its waiter died before taking.
bool is_left_over(std::uint32_t word) { return (word & notified) != 0 && is_dead(word); }

/// The living waiter that has waited longest; frees the records of dead ones that it meets. A
/// waiter that spins is taken to live: to ask would cost as much as to wake it. If it was killed in
/// that moment, its notification is left over, and another waiter takes it like any other.
Record* longest_waiting(const Handle& object, Waiters& waiters) {
  for (;;) {
    Record* oldest = nullptr;
    any_record(object, waiters.records, [&](Record& record) {
      if (is_waiting(record.word.load()) &&
          (oldest == nullptr || before(record.number.load(), oldest->number.load())))
        oldest = &record;
      return false;
    });
    if (oldest == nullptr) return nullptr;
    std::uint32_t word = oldest->word.load();
    if (!is_waiting(word)) continue;
    if (oldest->asleep.load() == 0 || !is_dead(word)) return oldest;
    oldest->word.compare_exchange_strong(word, 0);
    fail_point("synchronize.condition.dead_freed");
  }
}

/// Leaves a surplus notification of the caller's to a waiter that waited at that time.
void pass_on(const Handle& object, Waiters& waiters, Record& surplus) {
  surplus.word.store(ownerless);
  fail_point("synchronize.condition.passed_on");
  if (Record* next = longest_waiting(object, waiters)) (void)wake(next->word, 1);
}

/// Takes a left-over notification that was sent after `mine` had come. From then on the calling
/// thread has two records, and frees its own.
bool take_left_over(const Handle& object, Waiters& waiters, Record& mine) {
  const std::uint32_t name = own_name();
  return any_record(object, waiters.records, [&](Record& record) {
    std::uint32_t seen = record.word.load();
    if (&record == &mine || !is_left_over(seen)) return false;
    if (!before(mine.number.load(), record.stamp.load())) return false;
    if (!record.word.compare_exchange_strong(seen, name | notified)) return false;
    fail_point("synchronize.condition.left_over_taken");
    std::uint32_t own = name;
    if (mine.word.compare_exchange_strong(own, 0)) {
      record.word.store(0);
    } else {
      mine.word.store(0);
      pass_on(object, waiters, record);
    }
    return true;
  });
}

/// Ends a wait; a notification that has come meanwhile goes to another waiter.
void leave(const Handle& object, Waiters& waiters, Record& mine) {
  std::uint32_t seen = own_name();
  mine.asleep.store(0, std::memory_order_relaxed);
  if (!mine.word.compare_exchange_strong(seen, 0)) pass_on(object, waiters, mine);
}

/// Frees left-over notifications that are older than every waiter: a notification is not remembered
/// for those that come later. The newest, after which no waiter came, stay: they may be being
/// taken.
void forget_left_over(const Handle& object, Waiters& waiters) {
  const Record* oldest = longest_waiting(object, waiters);
  const std::uint32_t now = waiters.next_number.load();
  any_record(object, waiters.records, [&](Record& record) {
    std::uint32_t seen = record.word.load();
    const std::uint32_t stamp = record.stamp.load();
    if ((seen & notified) != 0 && stamp != now &&
        (oldest == nullptr || !before(oldest->number.load(), stamp)) && is_left_over(seen))
      record.word.compare_exchange_strong(seen, 0);
    return false;
  });
}

}  // namespace

Record& add_waiter(const Handle& object) {
  auto& waiters = *object.as<Waiters>();
  Record& mine = claim_record(object, waiters.records, own_name());
  fail_point("synchronize.condition.claimed");
  mine.asleep.store(0, std::memory_order_relaxed);
  mine.number.store(waiters.next_number.fetch_add(1));
  return mine;
}

bool wait_for_notification(const Handle& object, Record& mine, const Deadline& deadline) {
  auto& waiters = *object.as<Waiters>();
  const std::uint32_t name = own_name();
  Wait wait{back_off::news, "Condition.wait"};
  for (;;) {
    if (wait.spin([&] { return mine.word.load(std::memory_order_acquire) != name; })) break;
    // Woken without a notification: another waiter has passed one on.
    if (wait.last() != Woken::changed && take_left_over(object, waiters, mine)) return true;
    if (deadline.passed()) {
      std::uint32_t seen = name;
      if (mine.word.compare_exchange_strong(seen, 0)) return false;
      break;
    }
    fail_point("synchronize.condition.before_sleep");
    mine.asleep.store(1);  // before the kernel looks at the word again
    try {
      wait.sleep(mine.word, name, deadline);
    } catch (const Interrupted&) {
      leave(object, waiters, mine);
      throw;
    }
    mine.asleep.store(0, std::memory_order_relaxed);
  }
  fail_point("synchronize.condition.notified");
  mine.word.store(0);
  return true;
}

void notify_waiters(const Handle& object, std::uint32_t n) {
  auto& waiters = *object.as<Waiters>();
  while (n > 0) {
    Record* next = longest_waiting(object, waiters);
    if (next == nullptr) break;
    std::uint32_t seen = next->word.load();
    if (!is_waiting(seen)) continue;
    next->stamp.store(waiters.next_number.load());
    if (!next->word.compare_exchange_strong(seen, seen | notified)) continue;
    fail_point("synchronize.condition.marked");
    if (next->asleep.load() != 0) (void)wake(next->word, 1);
    --n;
  }
  forget_left_over(object, waiters);
}

std::uint32_t count_waiters(const Handle& object) {
  std::uint32_t count = 0;
  any_record(object, object.as<Waiters>()->records, [&](Record& record) {
    const std::uint32_t word = record.word.load();
    count += is_waiting(word) && !is_dead(word) ? 1 : 0;
    return false;
  });
  return count;
}

}  // namespace multiprocessing::detail
