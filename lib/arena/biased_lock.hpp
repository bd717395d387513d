// BiasedLock: an owner lock with a bias to one thread, the favoured one, which enters and leaves
// without a locked instruction until another thread comes and revokes the bias.
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

/// Bias slots, one set beside each lock: there a favoured thread says that it is inside. One thread
/// alone writes a seat until it is known to have ended: a thread that was delayed between its looks
/// and its store may still say so after the bias has gone to other threads.
struct alignas(64) Seats {
  struct Seat {
    std::atomic<std::uint64_t> whose;   // the thread's key; written under the lock
    std::atomic<std::uint32_t> inside;  // futex
  };
  std::array<Seat, 4> seat;
};

/// Lies in shared memory; all zero is free and without bias. As an OwnerLock, it names the process
/// that holds it, and is taken over from a dead one. A locked instruction waits until all stores
/// before it have arrived; a favoured thread enters and leaves by plain stores, and its processor
/// goes on meanwhile. Not recursive: a holder that comes again, in a signal handler, waits.
///
/// Commit points: those of OwnerLock for threads without the bias; the word of its seat for the
/// favoured one. The bias is given at the release of the lock, and revoked under it: first marked
/// in `favoured_`, so that the successor of a thread that dies in between knows which thread to
/// wait for, and cleared last, when that thread is out or dead.
class MULTIPROCESSING_API BiasedLock {
 public:
  enum class Taken { free, from_the_favoured, from_the_dead, not_in_time };
  /// How it was taken, for its release.
  enum class Way { not_taken, favoured, locked };

  /// Takes it if it is biased to this thread, or free and without bias.
  [[nodiscard]] Way acquire_quickly(Seats& seats) {
    if (enter<WithFailPoints>(seats)) return Way::favoured;
    if (!lock_.acquire_if_free()) return Way::not_taken;
    if (favoured_.load(std::memory_order_relaxed) == 0) return Way::locked;
    lock_.release();
    return Way::not_taken;
  }
  void release(Seats& seats, Way way) {
    if (way == Way::favoured) {
      if (leave<WithFailPoints>(seats)) [[unlikely]]
        wake_revoker(seats);
      return;
    }
    if (favoured_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      give_favour();
    lock_.release();
  }

  /// Releases a lock that was taken over and could not be repaired; see OwnerLock. There is no bias
  /// then.
  void leave_unmended() { lock_.leave_unmended(); }

  /// Waits for the lock, and revokes another thread's bias. Release it as `locked`, unless it was
  /// not taken in time. Throws what settling a dead holder throws; the next thread settles it then.
  [[nodiscard]] Taken acquire(Seats& seats, const Deadline& deadline = Deadline::never());

  /// For a thread that holds it as `locked`: biases it to this thread from the release on, if a
  /// seat is left and the kernel offers the fence that revokes a bias.
  void favour_me(Seats& seats);

  /// The favoured thread's fast path, without a call. When it returns false, `acquire` is next.
  /// `Points`: WithFailPoints or WithoutFailPoints.
  template <class Points>
  [[nodiscard]] bool enter(Seats& seats) {
    const std::uint64_t key = own_key();
    const std::uint64_t favoured = favoured_.load(std::memory_order_relaxed);
    if (own_thread_number == 0 || (favoured & ~seat_bits) != key) return false;
    std::atomic<std::uint32_t>& inside = seat_of(seats, favoured).inside;
    if (inside.load(std::memory_order_relaxed) != 0) return false;  // a handler of a signal
    Points::fail_point("arena.bias.before_enter");
    inside.store(1, std::memory_order_relaxed);
    light_fence();
    // Else another thread began to revoke the bias between the two looks.
    if (favoured_.load(std::memory_order_relaxed) == favoured) [[likely]] {
      Points::fail_point("arena.bias.entered");
      return true;
    }
    Points::fail_point("arena.bias.refused");
    inside.store(0, std::memory_order_release);
    return false;
  }
  /// True: a thread waits for it, and has to be woken.
  template <class Points>
  [[nodiscard]] bool leave(Seats& seats) {
    Points::fail_point("arena.bias.before_leave");
    // While this thread is inside, others change no more of this word than the mark.
    const std::uint64_t favoured = favoured_.load(std::memory_order_relaxed);
    seat_of(seats, favoured).inside.store(0, std::memory_order_release);
    light_fence();
    return (favoured_.load(std::memory_order_relaxed) & not_now) != 0;
  }
  void wake_revoker(Seats& seats);

  /// Whether a thread of any process enters by plain stores.
  [[nodiscard]] bool favours_anybody() const { return favoured_.load() != 0; }

  /// The process that the lock names now; none when free.
  [[nodiscard]] Member holder(const Seats& seats) const;

 private:
  // In favoured_: 30 bits of the thread's number, 2 of its seat, 31 of the process's name, and:
  static constexpr std::uint64_t not_now = 1;  // the bias is being given or revoked
  static constexpr std::uint64_t seat_bits = std::uint64_t{3} << 32;

  /// The thread and the process; the lower half is 0 outside the family.
  [[nodiscard]] static std::uint64_t own_key() {
    const std::uint32_t name = own_identity == nullptr ? 0 : own_identity->lock_name;
    return std::uint64_t{own_thread_number} << 34 | name;
  }
  [[nodiscard]] static std::size_t seat_number(std::uint64_t favoured) {
    return (favoured & seat_bits) >> 32;
  }
  [[nodiscard]] static Seats::Seat& seat_of(Seats& seats, std::uint64_t favoured) {
    return seats.seat[seat_number(favoured)];
  }
  [[nodiscard]] static Member process_of(std::uint64_t key) {
    return OwnerLock::named(static_cast<std::uint32_t>(key));
  }

  [[nodiscard]] static bool has_ended(std::uint64_t key);
  /// Of the favoured thread, dead or alive, or not in time.
  [[nodiscard]] Taken take_favour_back(Seats& seats, const Deadline& deadline);
  void give_favour();

  OwnerLock lock_;
  std::atomic<std::uint64_t> favoured_{0};  // written under lock_
};

/// Holds an internal lock, unless it was not taken in time, and says how it was taken.
class [[nodiscard]] BiasedGuard {
 public:
  BiasedGuard(BiasedLock& lock, Seats& seats, LazyDeadline& limit)
      : lock_(lock), seats_(seats), way_(lock.acquire_quickly(seats)) {
    if (way_ != BiasedLock::Way::not_taken) return;
    taken_ = lock.acquire(seats, limit.for_lock());
    if (held()) way_ = BiasedLock::Way::locked;
  }
  ~BiasedGuard() {
    if (unmended_)
      lock_.leave_unmended();
    else if (held())
      lock_.release(seats_, way_);
  }
  BiasedGuard(const BiasedGuard&) = delete;
  /// `free`: also when this thread was favoured.
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
  BiasedLock& lock_;
  Seats& seats_;
  BiasedLock::Way way_;
  BiasedLock::Taken taken_ = BiasedLock::Taken::free;
  bool unmended_ = false;
};

}  // namespace multiprocessing::detail
