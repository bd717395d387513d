// BiasedLock: an owner lock with a bias to one thread, which enters and leaves without a locked
// instruction until another thread comes and revokes the bias.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/owner_lock.hpp"
#include "base/asymmetric_fence.hpp"
#include "base/deadline.hpp"

namespace multiprocessing::detail {

/// The kernel's number of this thread; 0 until a lock is biased to it, and in a forked child.
MULTIPROCESSING_API extern constinit thread_local std::uint32_t own_thread_number
    __attribute__((tls_model("initial-exec")));

/// The lock as it lies in shared memory, beside what it guards. All zero is free and without bias.
struct BiasedLockWords {
  OwnerLock lock;
  std::atomic<std::uint64_t> bias;  // written under `lock`
};

/// The other part of it, in a line of its own. There the owner of the bias says that it is inside.
/// One thread alone writes a flag until it is known to have ended: a thread that was delayed
/// between its looks and its store may still say so after the bias has gone to other threads.
struct alignas(64) BiasFlags {
  static constexpr std::size_t count = 4;

  std::array<std::atomic<std::uint64_t>, count> whose;   // the thread's key; written under the lock
  std::array<std::atomic<std::uint32_t>, count> inside;  // futexes
  // For the choice of a thread, under the lock.
  std::uint32_t last_to_come;  // a number that differs between threads, mostly
  std::uint8_t times_alone;    // that it came, one after the other
  std::uint8_t revocations;    // up to some
};

/// As an OwnerLock, it names the process that holds it, and is taken over from a dead one. A locked
/// instruction waits until all stores before it have arrived; the owner of the bias enters and
/// leaves by plain stores, and its processor goes on meanwhile. Not recursive: a holder that comes
/// again, in a signal handler, waits.
///
/// Commit points: those of OwnerLock for threads without the bias; the word `inside` of its flag
/// for the owner of the bias. The bias is given at the release of the lock, and revoked under it:
/// first marked in `bias`, so that the successor of a thread that dies in between knows which
/// thread to wait for, and cleared last, when that thread is out or dead.
class MULTIPROCESSING_API BiasedLock {
 public:
  using Taken = OwnerLock::Taken;
  /// How it was taken, for its release.
  enum class Way { not_taken, by_bias, locked };

  BiasedLock(BiasedLockWords& words, BiasFlags& flags) : words_(words), flags_(flags) {}

  /// Takes it if it is biased to this thread, or free and without bias.
  [[nodiscard]] Way acquire_quickly() const {
    if (enter<WithFailPoints>()) return Way::by_bias;
    if (!words_.lock.acquire_if_free()) return Way::not_taken;
    if (!is_biased(std::memory_order_relaxed)) return Way::locked;
    words_.lock.release();
    return Way::not_taken;
  }
  void release(Way way) const {
    if (way == Way::by_bias) {
      if (leave<WithFailPoints>()) [[unlikely]]
        wake_revoker();
      return;
    }
    if (is_biased(std::memory_order_relaxed)) [[unlikely]]
      give_bias();
    words_.lock.release();
  }

  /// Releases a lock that was taken over and could not be repaired; see OwnerLock. There is no bias
  /// then.
  void leave_unmended() const { words_.lock.leave_unmended(); }

  /// Waits for the lock, and revokes another thread's bias. Release it as `locked`, unless it was
  /// not taken in time. Throws what settling a dead holder throws; the next thread settles it then.
  [[nodiscard]] Taken acquire(const Deadline& deadline = Deadline::never()) const;

  /// For a thread that holds it, in whichever way, and has done `operations` since it last said so:
  /// biases it to this thread when no other has come for long enough.
  void came(std::uint32_t operations) const;

  /// For a thread that holds it as `locked`: biases it to this thread from the release on, if a
  /// flag is left and the kernel offers the fence that revokes a bias.
  void bias_to_this_thread() const;

  /// The fast path of the owner of the bias, without a call. When it returns false, `acquire` is
  /// next. `Points`: WithFailPoints or WithoutFailPoints.
  template <class Points>
  [[nodiscard]] bool enter() const {
    const std::uint64_t key = own_key();
    const std::uint64_t bias = words_.bias.load(std::memory_order_relaxed);
    if (own_thread_number == 0 || (bias & ~flag_bits) != key) return false;
    std::atomic<std::uint32_t>& inside = flags_.inside[flag_of(bias)];
    if (inside.load(std::memory_order_relaxed) != 0) return false;  // a handler of a signal
    Points::fail_point("arena.bias.before_enter");
    inside.store(1, std::memory_order_relaxed);
    light_fence();
    // Else another thread began to revoke the bias between the two looks.
    if (words_.bias.load(std::memory_order_relaxed) == bias) [[likely]] {
      Points::fail_point("arena.bias.entered");
      return true;
    }
    Points::fail_point("arena.bias.refused");
    inside.store(0, std::memory_order_release);
    return false;
  }
  /// True: a thread waits for it, and has to be woken.
  template <class Points>
  [[nodiscard]] bool leave() const {
    Points::fail_point("arena.bias.before_leave");
    // While this thread is inside, others change no more of this word than the mark.
    const std::uint64_t bias = words_.bias.load(std::memory_order_relaxed);
    flags_.inside[flag_of(bias)].store(0, std::memory_order_release);
    light_fence();
    return (words_.bias.load(std::memory_order_relaxed) & not_now) != 0;
  }
  void wake_revoker() const;

  /// For a thread without the lock, between a store and a look: a thread that comes in later sees
  /// the store, or this one sees what it has done. The owner of a bias has no fence for that.
  void fence() const {
    if (is_biased()) heavy_fence();
  }

  /// Whether a thread of any process enters by plain stores.
  [[nodiscard]] bool is_biased(std::memory_order order = std::memory_order_seq_cst) const {
    return words_.bias.load(order) != 0;
  }

  /// The process that the lock names now; none when free.
  [[nodiscard]] Member holder() const;

 private:
  // In the bias: 30 bits of the thread's number, 2 of its flag, 31 of the process's name, and:
  static constexpr std::uint64_t not_now = 1;  // the bias is being given or revoked
  static constexpr std::uint64_t flag_bits = std::uint64_t{3} << 32;

  /// The thread and the process; the lower half is 0 outside the family.
  [[nodiscard]] static std::uint64_t own_key() {
    const std::uint32_t name = own_identity == nullptr ? 0 : own_identity->lock_name;
    return std::uint64_t{own_thread_number} << 34 | name;
  }
  [[nodiscard]] static std::size_t flag_of(std::uint64_t bias) { return (bias & flag_bits) >> 32; }
  [[nodiscard]] static Member process_of(std::uint64_t key) {
    return OwnerLock::named(static_cast<std::uint32_t>(key));
  }

  [[nodiscard]] static bool has_ended(std::uint64_t key);
  /// `from_the_dead`: of a thread that died inside.
  [[nodiscard]] Taken revoke(const Deadline& deadline) const;
  void give_bias() const;

  BiasedLockWords& words_;
  BiasFlags& flags_;
};

/// Holds an internal lock, unless it was not taken in time, and says how it was taken.
class [[nodiscard]] BiasedGuard {
 public:
  BiasedGuard(BiasedLock lock, LazyDeadline& limit) : lock_(lock), way_(lock.acquire_quickly()) {
    if (way_ != BiasedLock::Way::not_taken) return;
    taken_ = lock.acquire(limit.for_lock());
    if (held()) way_ = BiasedLock::Way::locked;
  }
  ~BiasedGuard() {
    if (unmended_)
      lock_.leave_unmended();
    else if (held())
      lock_.release(way_);
  }
  BiasedGuard(const BiasedGuard&) = delete;
  [[nodiscard]] BiasedLock::Taken taken() const { return taken_; }
  [[nodiscard]] bool held() const { return taken_ != BiasedLock::Taken::not_in_time; }

  /// Calls `mend` to repair what a dead holder left. If it throws, the next holder repairs.
  template <class Mend>
  void mend_if_dead(Mend mend) {
    unmended_ = taken_ == BiasedLock::Taken::from_the_dead;
    if (unmended_) mend();
    unmended_ = false;
  }

 private:
  const BiasedLock lock_;
  BiasedLock::Way way_;
  BiasedLock::Taken taken_ = BiasedLock::Taken::free;
  bool unmended_ = false;
};

}  // namespace multiprocessing::detail
