// BiasedLock: an owner lock that a thread which takes it again and again has to itself, without a
// locked instruction, until somebody else comes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/owner_lock.hpp"
#include "base/asymmetric_fence.hpp"
#include "base/deadline.hpp"

namespace multiprocessing::detail {

/// The kernel's of this thread; 0 until it is favoured by a lock, and in a forked child.
MULTIPROCESSING_API extern constinit thread_local std::uint32_t own_thread_number
    __attribute__((tls_model("initial-exec")));

/// Where favoured threads say that they are inside; one for each lock, beside it. A seat is written
/// by one thread until that one is known to have ended, for a thread that is late between its looks
/// and its store may still say so when others have been favoured since.
struct alignas(64) Seats {
  struct Seat {
    std::atomic<std::uint64_t> whose;   // the thread's key; written under the lock
    std::atomic<std::uint32_t> inside;  // futex
  };
  std::array<Seat, 4> seat;
};

/// Lies in shared memory; all zero is free and favours nobody. As an OwnerLock, it names a process
/// that holds it, and passes on from the dead. A locked instruction waits until all that was stored
/// before it has arrived; a favoured thread enters and leaves by plain stores, and its processor
/// goes on meanwhile. Not recursive: who holds it and comes again, in a signal handler, waits.
///
/// Commit points: as of OwnerLock for whoever is not favoured; the word of its seat for who is. The
/// favour is given at the release of the lock, and taken back under it: marked in `favoured_`
/// first, so that a successor of one who dies in it knows whom to wait for, and cleared last, when
/// that one is out or dead.
class MULTIPROCESSING_API BiasedLock {
 public:
  enum class Taken { free, from_the_favoured, from_the_dead, not_in_time };
  /// How it was taken, for its release.
  enum class Way { not_taken, favoured, locked };

  /// Takes it if it is this thread's favour, or free and nobody's.
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

  /// Releases what was taken over from the dead and could not be mended; see OwnerLock. Nobody is
  /// favoured then.
  void leave_unmended() { lock_.leave_unmended(); }

  /// Waits for the lock, and takes the favour from whoever else has it. Release it as `locked`,
  /// unless it was not taken in time. Throws what settling the dead throws; the next one does it
  /// then.
  [[nodiscard]] Taken acquire(Seats& seats, const Deadline& deadline = Deadline::never());

  /// While this thread holds it as `locked`: favours it from the release on, if a seat is left and
  /// the kernel can take the favour back.
  void favour_me(Seats& seats);

  /// The favoured thread's way alone, without a call. When it says false, `acquire` is next.
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
    // Else somebody began to take the favour back between the two looks.
    if (favoured_.load(std::memory_order_relaxed) == favoured) [[likely]] {
      Points::fail_point("arena.bias.entered");
      return true;
    }
    Points::fail_point("arena.bias.refused");
    inside.store(0, std::memory_order_release);
    return false;
  }
  /// True: somebody waits for it, and is to be woken.
  template <class Points>
  [[nodiscard]] bool leave(Seats& seats) {
    Points::fail_point("arena.bias.before_leave");
    // While it is inside, nobody changes more of this word than the mark.
    const std::uint64_t favoured = favoured_.load(std::memory_order_relaxed);
    seat_of(seats, favoured).inside.store(0, std::memory_order_release);
    light_fence();
    return (favoured_.load(std::memory_order_relaxed) & not_now) != 0;
  }
  void wake_revoker(Seats& seats);

  /// Whether a thread of any process enters by plain stores.
  [[nodiscard]] bool favours_anybody() const { return favoured_.load() != 0; }

  /// Whom the lock names now; nobody when free.
  [[nodiscard]] Member holder(const Seats& seats) const;

 private:
  // In favoured_: 30 bits of the thread's number, 2 of its seat, 31 of the process's name, and:
  static constexpr std::uint64_t not_now = 1;  // it is being given, or taken back
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

/// Holds an internal lock, unless it was not taken in time, and says from whom it was taken.
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
  [[nodiscard]] BiasedLock::Taken taken() const { return taken_; }
  [[nodiscard]] bool held() const { return taken_ != BiasedLock::Taken::not_in_time; }

  /// Has `mend` see to what the dead one left. If it throws, it is left for the next one.
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
