// OwnerLock: a robust lock. Its one futex word names the holder, so that a dead one does not keep
// it.
#pragma once

#include <atomic>
#include <cstdint>

#include "arena/identity.hpp"
#include "arena/member.hpp"
#include "base/deadline.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

class Wait;

/// In the word of a lock that names its holder: threads may sleep on it.
inline constexpr std::uint32_t lock_waiting = 1;

/// Lies in shared memory; all zero is free. A process (not a thread) is named as holder; threads of
/// one process exclude each other as processes do. Not recursive.
///
/// Commit points: taken and named in one compare-and-swap; freed by one exchange. A thread that
/// finds the holder dead settles that death, takes the lock over and gets `from_the_dead`, so that
/// it repairs what the lock protects. Links that the dead process was about to change no longer
/// change.
class MULTIPROCESSING_API OwnerLock {
 public:
  enum class Taken { free, from_the_dead, not_in_time };

  /// Waits for the lock. `from_the_dead`: its holder died; what it protects may be half changed.
  [[nodiscard]] Taken acquire() { return acquire_if_free() ? Taken::free : acquire_slowly(); }
  [[nodiscard]] Taken acquire(const Deadline& deadline);
  [[nodiscard]] Taken try_acquire();
  /// Takes it if its word is 0, without a look at whether a process that it names is dead.
  [[nodiscard]] bool acquire_if_free() {
    const std::uint32_t name = own_identity == nullptr ? 0 : own_identity->lock_name;
    std::uint32_t seen = 0;
    if (name == 0 || !word_.compare_exchange_strong(seen, name, std::memory_order_acquire))
      return false;
    fail_point("arena.lock.taken");
    return true;
  }
  void release() {
    fail_point("arena.lock.before_release");
    const std::uint32_t before = word_.exchange(0, std::memory_order_release);
    fail_point("arena.lock.after_release");
    if ((before & lock_waiting) != 0) [[unlikely]]
      wake_next();
  }

  /// Releases a lock that was taken over from a dead holder and could not be repaired: the next
  /// thread gets `from_the_dead`, too.
  void leave_unmended();

  /// The word of a member as a lock shows it: 31 bits, above 1, the lowest 0.
  [[nodiscard]] static std::uint32_t name_of(Member member) { return member.lock_name(); }

  /// A word that names no living process: no member has the slot 0.
  [[nodiscard]] static std::uint32_t unmended_mark() {
    return name_of({.slot = 0, .generation = 1});
  }

  /// The name of this process, remembered. Throws ProcessError outside the family.
  [[nodiscard]] static std::uint32_t own_name();

  /// The process that such a word names, whatever its lowest bit; none when its slot is 0.
  [[nodiscard]] static Member named(std::uint32_t word);

  /// The process that the lock names now; none when free.
  [[nodiscard]] Member holder() const;

 private:
  static constexpr std::uint32_t generation_mask = (1U << (31 - slot_bits)) - 1;
  [[nodiscard]] Taken acquire_slowly();
  void wake_next();

  std::atomic<std::uint32_t> word_{0};
};

/// How a wait for such a lock's word has ended. `from_the_dead` says here that the lock can be
/// taken over, not that it was.
struct LockSeen {
  OwnerLock::Taken how;
  std::uint32_t word;  // as it is, unless it was free
};

/// Waits until the word of such a lock is free, and puts this process's name there; or until it
/// names a dead process, and leaves it as it is. Passes the fail point `before_sleep`.
[[nodiscard]] MULTIPROCESSING_API LockSeen wait_for_lock(std::atomic<std::uint32_t>& word,
                                                         Wait& wait, const Deadline& deadline,
                                                         const char* before_sleep);

/// Holds an internal lock, and says whether it was taken over.
class [[nodiscard]] OwnerGuard {
 public:
  explicit OwnerGuard(OwnerLock& lock) : OwnerGuard(lock, lock.acquire()) {}
  /// For a lock that the caller has just taken.
  OwnerGuard(OwnerLock& lock, OwnerLock::Taken taken) : lock_(lock), taken_(taken) {}
  ~OwnerGuard() {
    if (unmended_)
      lock_.leave_unmended();
    else
      lock_.release();
  }
  OwnerGuard(const OwnerGuard&) = delete;
  [[nodiscard]] bool from_the_dead() const { return taken_ == OwnerLock::Taken::from_the_dead; }

  /// Calls `mend` to repair what a dead holder left. If it throws, the next holder repairs.
  template <class Mend>
  void mend_if_dead(Mend mend) {
    unmended_ = from_the_dead();
    if (unmended_) mend();
    unmended_ = false;
  }

 private:
  OwnerLock& lock_;
  OwnerLock::Taken taken_;
  bool unmended_ = false;
};

}  // namespace multiprocessing::detail
