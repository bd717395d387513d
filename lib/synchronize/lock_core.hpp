// LockCore: what a Lock, an RLock and a Semaphore are in shared memory.
//
// Terms of this module, with the field's name where it differs:
//   name       a process as a 32-bit word names it; its lowest bit says that waiters sleep
//   holder     the process that a lock's word names (owner); `owner` adds its thread
//   abandoned  held by a dead process (robust mutex: EOWNERDEAD)
//   unmended   taken over, and what it protects not repaired yet (robust mutex: not yet consistent)
//   units      what a semaphore counts; with LockKind::ledger each unit's word names its taker
//   record     one waiter of a Condition, or one party of a Barrier
//   arrival    one party's part in one round of a Barrier
// Next: lock_core.cpp, units.cpp (semaphores), waiters.hpp (Condition), barrier_body.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/identity.hpp"
#include "arena/owner_lock.hpp"
#include "base/deadline.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

enum class LockKind : std::uint32_t { lock, rlock, semaphore, bounded, ledger };

/// An object of the arena.
///
/// `word` of a lock: 0, or the name of the process that holds it with the waiting bit, as in
/// OwnerLock, so that it is taken and named in one compare-and-swap; freed by one exchange. A word
/// that names a dead process is an abandoned lock: recover() alone takes it.
///
/// `word` of a semaphore: its units, and the waiting bit on top. Of one with a ledger: a number
/// that changes with every release; its units lie behind the core, a word each: 0 or the name of
/// the process that took it, taken and given back in one compare-and-swap.
struct LockCore {
  std::atomic<std::uint32_t> word;
  LockKind kind;                        // written once, before another process sees the object
  std::atomic<std::uint64_t> owner;     // name and thread; written by the holder
  std::atomic<std::uint32_t> depth;     // of an RLock; written by the holder
  std::atomic<std::uint32_t> unmended;  // set by take_again(), Acquirable::leave_unmended()
  std::atomic<std::int32_t> dead_pid;   // that holder
  std::uint32_t most;                   // units that a semaphore may have
  std::atomic<std::uint32_t> looks;  // how often waiters asked whether the holder lives; see Wait

  [[nodiscard]] std::atomic<std::uint32_t>* units() {
    return reinterpret_cast<std::atomic<std::uint32_t>*>(this + 1);
  }
};

/// This process as a lock's word names it.
[[nodiscard]] inline std::uint32_t own_name() {
  const OwnName* me = own_identity;
  if (me != nullptr && me->lock_name != 0) [[likely]]
    return me->lock_name;
  return OwnerLock::own_name();
}

// Initial-exec: read at every acquire. In a forked child it is what the forking thread's was, which
// is right, because the name beside it differs.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local std::uint32_t own_thread;
[[nodiscard]] std::uint32_t number_own_thread();

/// The calling thread as `owner` names it: different for every thread that there ever is.
[[nodiscard]] inline std::uint64_t own_token() {
  const std::uint32_t thread = own_thread != 0 ? own_thread : number_own_thread();
  return std::uint64_t{own_name()} << 32 | thread;
}

/// How a try at a lock of the program has ended. `abandoned`: its holder died; the word still names
/// it, and recover() settles the death and takes the lock. (OwnerLock::Taken is of the library's
/// own locks, which settle and take over by themselves.)
enum class Taken { yes, not_in_time, abandoned };

// ---- a lock that is held by a process; Lock, and the outermost level of RLock.

[[nodiscard]] Taken take(LockCore& core, const Deadline& deadline);
[[nodiscard]] Taken take_now(LockCore& core);

/// Takes it if its word is 0: neither held nor abandoned.
[[nodiscard]] inline bool take_free(LockCore& core) {
  std::uint32_t seen = 0;
  const std::uint64_t token = own_token();
  const auto name = static_cast<std::uint32_t>(token >> 32);
  if (!core.word.compare_exchange_strong(seen, name, std::memory_order_acquire)) return false;
  fail_point("synchronize.lock.taken");
  core.owner.store(token, std::memory_order_relaxed);
  return true;
}

/// False when it was not held.
[[nodiscard]] bool give_back(LockCore& core);

/// Settles the death of its holder, then takes over an abandoned lock. False when it is not
/// abandoned, or another thread was faster.
[[nodiscard]] bool take_over(LockCore& core);

/// Names the dead holder.
[[noreturn]] void throw_owner_died(const LockCore& core);

/// Whether the word names a dead process, or marks a lock that was released unmended.
[[nodiscard]] bool is_abandoned(std::uint32_t word);

/// Takes it over and holds it, at one level. Throws ValueError unless it is abandoned.
void recover(LockCore& core);

/// Whether the calling thread holds the lock.
[[nodiscard]] bool is_mine(const LockCore& core);

// ---- for Condition, by the thread that holds the lock.

/// Gives back all levels; how many.
[[nodiscard]] std::uint32_t give_back_all(LockCore& core);

/// Takes them again, however long that lasts; false when it was taken over from a dead process:
/// what it protects is unmended until recover().
[[nodiscard]] bool take_again(LockCore& core, std::uint32_t levels);

}  // namespace multiprocessing::detail
