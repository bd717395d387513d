#include "synchronize/lock_core.hpp"

#include <string>

#include "arena/event_count.hpp"
#include "arena/family.hpp"
#include "arena/owner_lock.hpp"
#include "arena/settle.hpp"
#include "base/fail_point.hpp"
#include "base/interruption.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

/// Notes the calling thread, which has just taken the word, as the owner.
void note_owner(LockCore& core) { core.owner.store(own_token(), std::memory_order_relaxed); }

bool names_living(std::uint32_t word) { return word != 0 && !is_abandoned(word); }

/// The end of a release that leaves the lock as its dead holder left it.
void abandon_again(LockCore& core) {
  core.word.exchange(OwnerLock::unmended_mark(), std::memory_order_release);
  fail_point("synchronize.lock.abandoned_again");
  (void)wake(core.word);
}

}  // namespace

constinit thread_local std::uint32_t own_thread = 0;

std::uint32_t number_own_thread() {
  static std::atomic<std::uint32_t> threads{0};
  return own_thread = threads.fetch_add(1, std::memory_order_relaxed) + 1;
}

bool is_abandoned(std::uint32_t word) {
  return word != 0 && !alive(OwnerLock::named(word));  // no member lives by the name of the mark
}

Taken take_now(LockCore& core) {
  if (take_free(core)) return Taken::yes;
  return is_abandoned(core.word.load()) ? Taken::abandoned : Taken::not_in_time;
}

Taken take(LockCore& core, const Deadline& deadline) {
  Wait wait{back_off::lock, core.kind == LockKind::rlock ? "RLock.acquire" : "Lock.acquire",
            &core.looks};
  const LockSeen seen = wait_for_lock(core.word, wait, deadline, "synchronize.lock.before_sleep");
  switch (seen.how) {
    case OwnerLock::Taken::free:
      fail_point("synchronize.lock.taken_late");
      note_owner(core);
      return Taken::yes;
    case OwnerLock::Taken::from_the_dead:
      // Other waiters need not sleep on until they look by themselves.
      if ((seen.word & lock_waiting) != 0) (void)wake(core.word);
      return Taken::abandoned;
    case OwnerLock::Taken::not_in_time:
      break;
  }
  return Taken::not_in_time;
}

bool give_back(LockCore& core) {
  fail_point("synchronize.lock.before_release");
  if (core.unmended.load(std::memory_order_relaxed) != 0) [[unlikely]] {
    if (names_living(core.word.load())) return abandon_again(core), true;
    core.unmended.store(0);
  }
  const std::uint32_t before = core.word.exchange(0, std::memory_order_release);
  fail_point("synchronize.lock.after_release");
  if ((before & lock_waiting) != 0) (void)wake(core.word, 1);
  return before != 0;
}

bool take_over(LockCore& core) {
  std::uint32_t seen = core.word.load();
  if (!is_abandoned(seen)) return false;
  const Member dead = OwnerLock::named(seen);
  const pid_t pid = dead ? pid_of(dead) : core.dead_pid.load();
  fail_point("synchronize.lock.before_settling");
  settle_fully(dead);
  if (!core.word.compare_exchange_strong(seen, own_name() | lock_waiting,
                                         std::memory_order_acquire))
    return false;
  fail_point("synchronize.lock.taken_over");
  core.dead_pid.store(pid);
  note_owner(core);
  return true;
}

void throw_owner_died(const LockCore& core) {
  check_interruption();  // the owner may have died of the same signal
  const Member dead = OwnerLock::named(core.word.load());
  const pid_t pid = dead ? pid_of(dead) : core.dead_pid.load();
  std::string what = "the process ";
  if (pid != 0) what += std::to_string(pid) + ' ';
  what += "that held the ";
  what += core.kind == LockKind::rlock ? "RLock" : "Lock";
  const auto code = left_exit_code(dead);
  what += code ? " ended with exit code " + std::to_string(*code) : std::string{" died"};
  throw OwnerDied(what + "; recover() takes it over, to mend what it protects", pid);
}

bool is_mine(const LockCore& core) {
  const std::uint64_t token = own_token();
  return core.owner.load(std::memory_order_relaxed) == token &&
         (core.word.load(std::memory_order_relaxed) & ~lock_waiting) == token >> 32;
}

void recover(LockCore& core) {
  if (core.unmended.load() != 0 && is_mine(core)) {
    core.unmended.store(0);
    return;
  }
  if (!take_over(core))
    throw ValueError("recover() of a lock that nobody died holding; acquire() is for that");
  core.depth.store(1, std::memory_order_relaxed);
  core.unmended.store(0);
}

std::uint32_t give_back_all(LockCore& core) {
  const std::uint32_t levels = core.depth.load(std::memory_order_relaxed);
  core.depth.store(0, std::memory_order_relaxed);
  core.owner.store(0, std::memory_order_relaxed);
  static_cast<void>(give_back(core));
  return levels;
}

bool take_again(LockCore& core, std::uint32_t levels) {
  bool whole = true;
  while (take(core, Deadline::never()) == Taken::abandoned) {
    if (!take_over(core)) continue;
    core.unmended.store(1);
    whole = false;
    break;
  }
  core.depth.store(levels, std::memory_order_relaxed);
  return whole;
}

}  // namespace multiprocessing::detail
