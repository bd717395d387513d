// LockCore: what a Lock, an RLock and a Semaphore are in shared memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/deadline.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

enum class LockKind : std::uint32_t { lock, rlock, semaphore, bounded, ledger };

/// An object of the arena.
///
/// `word` of a lock: 0, or the name of the process that holds it with the waiting bit, as in
/// OwnerLock, so that it is taken and named in one compare-and-swap; freed by one exchange. A word
/// that names a dead process is an abandoned lock: nobody takes it but by recover().
///
/// `word` of a semaphore: its units, and the waiting bit on top. Of one with a ledger: a number
/// that changes with every release; its units lie behind the core, a word each: 0 or the name of
/// the process that took it, taken and given back in one compare-and-swap.
struct LockCore {
  std::atomic<std::uint32_t> word;
  LockKind kind;                        // written once, before anybody else sees the object
  std::atomic<std::uint64_t> owner;     // name and thread; written by who holds the lock
  std::atomic<std::uint32_t> depth;     // of an RLock; written by who holds it
  std::atomic<std::uint32_t> unmended;  // taken from a dead holder by Condition::wait
  std::atomic<std::int32_t> dead_pid;   // that holder
  std::uint32_t most;                   // units that a semaphore may have

  [[nodiscard]] std::atomic<std::uint32_t>* units() {
    return reinterpret_cast<std::atomic<std::uint32_t>*>(this + 1);
  }
};

/// Who the calling thread is in `owner`: different for every thread there ever is.
[[nodiscard]] std::uint64_t own_token();

enum class Taken { yes, not_in_time, abandoned };

// ---- a lock that is held by a process; Lock, and the outermost level of RLock.

[[nodiscard]] Taken take(LockCore& core, const Deadline& deadline);
[[nodiscard]] Taken take_now(LockCore& core);

/// False when nobody held it.
[[nodiscard]] bool give_back(LockCore& core);

/// Takes over what a dead process holds. False when nobody died holding it, or another was faster.
[[nodiscard]] bool take_over(LockCore& core);

/// Names the dead holder.
[[noreturn]] void throw_owner_died(const LockCore& core);

/// Whether the word names a process that is dead, or says that nobody has mended what one left.
[[nodiscard]] bool is_abandoned(std::uint32_t word);

// ---- any kind.

void acquire(LockCore& core);
[[nodiscard]] bool acquire(LockCore& core, Timeout timeout);
[[nodiscard]] bool try_acquire(LockCore& core);
void release(LockCore& core);
void recover(LockCore& core);
[[nodiscard]] bool locked(LockCore& core);

/// Whether the calling thread holds the lock.
[[nodiscard]] bool is_mine(const LockCore& core);

// ---- for Condition, by the thread that holds the lock.

/// Gives back all levels; how many.
[[nodiscard]] std::uint32_t give_back_all(LockCore& core);

/// Takes them again, however long that lasts; false when it was taken over from a dead process:
/// what it protects is unmended until recover().
[[nodiscard]] bool take_again(LockCore& core, std::uint32_t levels);

}  // namespace multiprocessing::detail
