#include "multiprocessing/synchronize/condition.hpp"

#include <climits>
#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/signals.hpp"
#include "synchronize/lock_core.hpp"
#include "synchronize/rlock_maker.hpp"
#include "synchronize/waiters.hpp"

namespace multiprocessing {
namespace {

using detail::Deadline;

constexpr detail::ObjectMaker lazy{sizeof(detail::Waiters), nullptr, detail::RecordTable::links};

void check_held(const detail::LockCore& core, const char* what) {
  if (!detail::is_mine(core)) throw AssertionError(what);
}

}  // namespace

Condition::Condition() : Acquirable(detail::rlock_maker), waiters_(lazy) {}
Condition::Condition(Lock lock) : Acquirable(std::move(lock)), waiters_(lazy) {}
Condition::Condition(RLock lock) : Acquirable(std::move(lock)), waiters_(lazy) {}

void Condition::wait() const { static_cast<void>(wait(Timeout::forever)); }

bool Condition::wait(Timeout timeout) const {
  detail::LockCore& lock = core();
  check_held(lock, "must acquire() condition before using wait()");
  const Deadline deadline{timeout};
  detail::Record& mine = detail::add_waiter(waiters_);
  const std::uint32_t levels = detail::give_back_all(lock);
  bool notified = false;
  try {
    notified = detail::wait_for_notification(waiters_, mine, deadline);
  } catch (const Interrupted&) {
    const Uninterrupted shield;
    static_cast<void>(detail::take_again(lock, levels));
    throw;
  }
  const Uninterrupted shield;
  if (!detail::take_again(lock, levels)) detail::throw_owner_died(lock);
  return notified;
}

void Condition::notify(int n) const {
  check_held(core(), "lock is not owned: acquire() the condition before notify()");
  if (n > 0) detail::notify_waiters(waiters_, static_cast<std::uint32_t>(n));
}

void Condition::notify_all() const { notify(INT_MAX); }

void Condition::recover() const { recover_core(); }

Condition::Limit::Limit(Timeout timeout)
    : length_(timeout), start_(std::chrono::steady_clock::now()) {}

bool Condition::Limit::passed() const { return left().length().count() == 0; }

Timeout Condition::Limit::left() const {
  if (length_.is_forever()) return length_;
  return length_.length() - (std::chrono::steady_clock::now() - start_);
}

std::string to_string(const Condition& condition) {
  const bool recursive = condition.core().kind == detail::LockKind::rlock;
  return "<Condition(" + condition.text(recursive ? "RLock" : "Lock") + ", " +
         std::to_string(detail::count_waiters(condition.waiters_)) + ")>";
}

}  // namespace multiprocessing
