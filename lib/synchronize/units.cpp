#include "synchronize/units.hpp"

#include "arena/event_count.hpp"
#include "arena/family.hpp"
#include "arena/owner_lock.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::uint32_t waiting = 0x8000'0000;  // a waiter sleeps

[[noreturn]] void throw_too_many() {
  throw ValueError("semaphore or lock released too many times: it has all its units");
}

// ---- counted units.

/// `mark` is the waiting bit if the caller slept: other waiters may sleep still.
bool take_counted(LockCore& core, std::uint32_t mark) {
  std::uint32_t seen = core.word.load(std::memory_order_relaxed);
  while ((seen & most_units) != 0)
    if (core.word.compare_exchange_weak(seen, (seen - 1) | mark, std::memory_order_acquire)) {
      fail_point("synchronize.semaphore.taken");
      // The units that are left may have come with a wake that was meant for another sleeper.
      if (mark != 0 && ((seen - 1) & most_units) != 0) (void)wake(core.word, 1);
      return true;
    }
  return false;
}

void return_counted(LockCore& core) {
  std::uint32_t seen = core.word.load(std::memory_order_relaxed);
  do {
    if ((seen & most_units) >= core.most) throw_too_many();
  } while (!core.word.compare_exchange_weak(seen, seen + 1, std::memory_order_release));
  fail_point("synchronize.semaphore.returned");
  if ((seen & waiting) == 0) return;
  if (wake(core.word, 1) == 0) {
    // No waiter sleeps: the next release need not ask. A waiter that is about to sleep finds the
    // word changed; if the word has come back to this by then, another release has woken it.
    std::uint32_t raised = seen + 1;
    core.word.compare_exchange_strong(raised, raised & ~waiting);
  }
}

// ---- units with a ledger.

bool take_booked(LockCore& core) {
  const std::uint32_t name = own_name();
  for (std::uint32_t i = 0; i < core.most; ++i) {
    std::uint32_t free = 0;
    if (core.units()[i].load(std::memory_order_relaxed) == 0 &&
        core.units()[i].compare_exchange_strong(free, name, std::memory_order_acquire)) {
      fail_point("synchronize.semaphore.booked");
      return true;
    }
  }
  return false;
}

/// Gives back a unit that `name` took, or any unit when it is 0.
bool return_booked_of(LockCore& core, std::uint32_t name) {
  for (std::uint32_t i = core.most; i-- > 0;) {
    std::uint32_t seen = core.units()[i].load(std::memory_order_relaxed);
    if (seen != 0 && (name == 0 || seen == name) &&
        core.units()[i].compare_exchange_strong(seen, 0, std::memory_order_release))
      return true;
  }
  return false;
}

void return_booked(LockCore& core) {
  if (!return_booked_of(core, own_name()) && !return_booked_of(core, 0)) throw_too_many();
  fail_point("synchronize.semaphore.unbooked");
  const std::uint32_t before = core.word.fetch_add(1);
  if ((before & waiting) != 0) (void)wake(core.word, 1);
}

bool wait_for_booked(LockCore& core, const Deadline& deadline) {
  Wait wait{back_off::lock, "Semaphore.acquire", &core.looks};
  for (;;) {
    const std::uint32_t seen = core.word.fetch_or(waiting) | waiting;
    if (take_booked(core)) return true;
    if (return_units_of_dead(core)) continue;
    if (deadline.passed()) return false;
    fail_point("synchronize.semaphore.before_booked_sleep");
    wait.sleep(core.word, seen, deadline);
  }
}

}  // namespace

bool try_take_unit(LockCore& core) {
  return core.kind == LockKind::ledger ? take_booked(core) : take_counted(core, 0);
}

bool return_units_of_dead(LockCore& core) {
  if (core.kind != LockKind::ledger) return false;
  bool any = false;
  for (std::uint32_t i = 0; i < core.most; ++i) {
    std::uint32_t seen = core.units()[i].load(std::memory_order_relaxed);
    if (seen == 0 || alive(OwnerLock::named(seen))) continue;
    any |= core.units()[i].compare_exchange_strong(seen, 0);
    fail_point("synchronize.semaphore.dead_returned");
  }
  return any;
}

bool take_unit(LockCore& core, const Deadline& deadline) {
  if (core.kind == LockKind::ledger) return wait_for_booked(core, deadline);
  Wait wait{back_off::news, "Semaphore.acquire"};
  for (std::uint32_t mark = 0;; mark = waiting) {
    if (wait.spin([&] { return take_counted(core, mark); })) return true;
    if (deadline.passed()) return false;
    std::uint32_t seen = core.word.load();
    if ((seen & most_units) != 0) continue;
    if ((seen & waiting) == 0 && !core.word.compare_exchange_strong(seen, seen | waiting)) continue;
    fail_point("synchronize.semaphore.before_sleep");
    wait.sleep(core.word, waiting, deadline);
  }
}

void return_unit(LockCore& core) {
  if (core.kind == LockKind::ledger) return return_booked(core);
  return_counted(core);
}

std::uint32_t free_units(LockCore& core) {
  if (core.kind != LockKind::ledger) return core.word.load() & most_units;
  static_cast<void>(return_units_of_dead(core));
  std::uint32_t free = 0;
  for (std::uint32_t i = 0; i < core.most; ++i) free += core.units()[i].load() == 0;
  return free;
}

}  // namespace multiprocessing::detail
