// BiasedLock: an owner lock that a thread which takes it again and again has to itself, without a
// locked instruction, until somebody else comes.
#pragma once

#include <atomic>
#include <cstdint>

#include "arena/owner_lock.hpp"
#include "base/asymmetric_fence.hpp"

namespace multiprocessing::detail {

/// Different in each thread of a process; 0 until it is favoured by a lock.
MULTIPROCESSING_API extern constinit thread_local std::uint32_t own_thread_number
    __attribute__((tls_model("initial-exec")));

/// Lies in shared memory; all zero is free and favours nobody. As an OwnerLock, it names a process
/// that holds it, and passes on from the dead. A locked instruction waits until all that was stored
/// before it has arrived; a favoured thread enters and leaves by plain stores, and its processor
/// goes on meanwhile. Not recursive, nor for signal handlers.
///
/// Commit points: as of OwnerLock for whoever is not favoured; `inside_` for who is. The favour is
/// given under the lock, and taken back under it: marked in `favoured_` first, so that a successor
/// of one who dies in it knows whom to wait for, and cleared last, when that one is out or dead.
class MULTIPROCESSING_API BiasedLock {
 public:
  using Taken = OwnerLock::Taken;
  /// How it was taken, for its release.
  enum class Way { not_taken, favoured, locked };

  /// Takes it if it is this thread's favour, or free and nobody's.
  [[nodiscard]] Way acquire_quickly() {
    if (enter<WithFailPoints>()) return Way::favoured;
    if (!lock_.acquire_if_free()) return Way::not_taken;
    if (favoured_.load(std::memory_order_relaxed) == 0) return Way::locked;
    lock_.release();
    return Way::not_taken;
  }
  void release(Way way) {
    if (way == Way::locked) return lock_.release();
    if (leave<WithFailPoints>()) [[unlikely]]
      wake_revoker();
  }

  /// Waits for the lock, and takes the favour from whoever else has it. Release it as `locked`.
  [[nodiscard]] Taken acquire();

  /// While this thread holds it as `locked`: favours it from now on, if the kernel can take the
  /// favour back.
  void favour_me();

  /// The favoured thread's way alone, without a call. When it says false, `acquire` is next.
  template <class Points>
  [[nodiscard]] bool enter() {
    const std::uint64_t key = own_key();
    if (own_thread_number == 0 || favoured_.load(std::memory_order_relaxed) != key) return false;
    if (inside_.load(std::memory_order_relaxed) != 0) return false;  // a handler of a signal
    inside_.store(1, std::memory_order_relaxed);
    light_fence();
    // Else somebody began to take the favour back between the two looks.
    if (favoured_.load(std::memory_order_relaxed) == key) [[likely]] {
      Points::fail_point("arena.bias.entered");
      return true;
    }
    inside_.store(0, std::memory_order_release);
    return false;
  }
  /// True: somebody waits for it, and is to be woken.
  template <class Points>
  [[nodiscard]] bool leave() {
    Points::fail_point("arena.bias.before_leave");
    inside_.store(0, std::memory_order_release);
    light_fence();
    return (favoured_.load(std::memory_order_relaxed) & revoked) != 0;
  }
  void wake_revoker();

  /// Whether a thread of any process enters by plain stores.
  [[nodiscard]] bool favours_anybody() const { return favoured_.load() != 0; }

  /// Whom the lock names now; nobody when free.
  [[nodiscard]] Member holder() const;

 private:
  static constexpr std::uint64_t revoked = 1;  // in favoured_: it is being taken back

  /// The thread and the process; the lower half is 0 outside the family.
  [[nodiscard]] static std::uint64_t own_key() {
    const std::uint32_t name = own_identity == nullptr ? 0 : own_identity->lock_name;
    return std::uint64_t{own_thread_number} << 32 | name;
  }

  [[nodiscard]] bool take_favour_back();

  OwnerLock lock_;
  std::atomic<std::uint32_t> inside_{0};    // futex; written by the favoured thread
  std::atomic<std::uint64_t> favoured_{0};  // written under lock_
};

/// Holds an internal lock, and says whether it was taken over.
class [[nodiscard]] BiasedGuard {
 public:
  explicit BiasedGuard(BiasedLock& lock) : lock_(lock), way_(lock.acquire_quickly()) {
    if (way_ != BiasedLock::Way::not_taken) return;
    from_the_dead_ = lock.acquire() == BiasedLock::Taken::from_the_dead;
    way_ = BiasedLock::Way::locked;
  }
  ~BiasedGuard() { lock_.release(way_); }
  BiasedGuard(const BiasedGuard&) = delete;
  [[nodiscard]] bool from_the_dead() const { return from_the_dead_; }

 private:
  BiasedLock& lock_;
  BiasedLock::Way way_;
  bool from_the_dead_ = false;
};

}  // namespace multiprocessing::detail
