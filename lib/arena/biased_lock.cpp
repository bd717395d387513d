#include "arena/biased_lock.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "arena/event_count.hpp"
#include "arena/settle.hpp"
#include "base/deadline.hpp"
#include "base/fail_point.hpp"
#include "base/interruption.hpp"

namespace multiprocessing::detail {
namespace {

/// Asked once in each process: a forked child has another name.
bool can_be_favoured() {
  static std::atomic<std::uint32_t> asked_as{0};
  static std::atomic<bool> answer{false};
  const std::uint32_t name = OwnerLock::own_name();
  if (asked_as.load(std::memory_order_acquire) != name) {
    answer.store(register_light_fences());
    asked_as.store(name, std::memory_order_release);
  }
  return answer.load(std::memory_order_relaxed);
}

// In a forked child the number of the parent's thread may come to be another thread's.
[[maybe_unused]] const int registered =
    pthread_atfork(nullptr, nullptr, [] { own_thread_number = 0; });

}  // namespace

constinit thread_local std::uint32_t own_thread_number = 0;

BiasedLock::Taken BiasedLock::acquire(Seats& seats, const Deadline& deadline) {
  // Only a stopped process holds it for long, and such a wait is the program's.
  if (may_be_interrupted()) {
    Taken taken = Taken::not_in_time;
    (void)try_interruptibly(deadline, [&](const Deadline& until) {
      const Uninterrupted shield;
      return (taken = acquire(seats, until)) != Taken::not_in_time;
    });
    return taken;
  }
  wake_revoker(seats);  // if this thread was in by mistake
  const OwnerLock::Taken taken = lock_.acquire(deadline);
  if (taken == OwnerLock::Taken::not_in_time) return Taken::not_in_time;
  const bool from_the_dead = taken == OwnerLock::Taken::from_the_dead;
  if (favoured_.load(std::memory_order_relaxed) == 0)
    return from_the_dead ? Taken::from_the_dead : Taken::free;
  try {
    const Taken favour = take_favour_back(seats, deadline);
    // Released with the mark: the next thread goes on revoking. A dead holder has left nothing to
    // repair while the favoured thread is inside, because that holder never came in.
    if (favour == Taken::not_in_time) lock_.release();
    return favour == Taken::from_the_favoured && from_the_dead ? Taken::from_the_dead : favour;
  } catch (...) {
    lock_.release();
    throw;
  }
}

void BiasedLock::favour_me(Seats& seats) {
  if (favoured_.load(std::memory_order_relaxed) != 0 || !can_be_favoured()) return;
  if (own_thread_number == 0) own_thread_number = static_cast<std::uint32_t>(gettid());
  const std::uint64_t key = own_key();
  for (std::size_t i = 0; i < seats.seat.size(); ++i) {
    Seats::Seat& seat = seats.seat[i];
    const std::uint64_t whose = seat.whose.load(std::memory_order_relaxed);
    if (whose != key) {
      if (whose != 0 && !has_ended(whose)) continue;
      seat.inside.store(0, std::memory_order_relaxed);  // it may have died inside
      seat.whose.store(key, std::memory_order_relaxed);
    }
    favoured_.store(key | std::uint64_t{i} << 32 | not_now, std::memory_order_relaxed);
    fail_point("arena.bias.chosen");
    return;
  }
}

// Of another process's threads nothing is known until that process ends: their numbers may be of
// another namespace. A number that was given out again looks alive; it is one thread's then as
// before.
bool BiasedLock::has_ended(std::uint64_t key) {
  if (static_cast<std::uint32_t>(key) != OwnerLock::own_name()) return !alive(process_of(key));
  const int before = errno;
  const bool none = tgkill(getpid(), static_cast<pid_t>(key >> 34), 0) != 0 && errno == ESRCH;
  errno = before;
  return none;
}

// At the release: until then this thread is inside by the lock, and a signal handler that
// interrupts it must not enter beside it.
void BiasedLock::give_favour() {
  favoured_.store(favoured_.load(std::memory_order_relaxed) & ~not_now, std::memory_order_relaxed);
  fail_point("arena.bias.given");
}

BiasedLock::Taken BiasedLock::take_favour_back(Seats& seats, const Deadline& deadline) {
  const std::uint64_t favoured = favoured_.load(std::memory_order_relaxed) | not_now;
  favoured_.store(favoured, std::memory_order_relaxed);
  fail_point("arena.bias.revoked");
  heavy_fence();  // from here on the favoured thread sees the mark, or this thread sees it inside
  fail_point("arena.bias.fenced");
  std::atomic<std::uint32_t>& inside = seat_of(seats, favoured).inside;
  const Member owner = process_of(favoured);
  const auto is_out = [&] { return inside.load(std::memory_order_acquire) == 0; };
  bool died = false;
  Wait wait{back_off::inner_lock, "an internal lock"};
  while (!wait.spin(is_out)) {
    if (!alive(owner) && !is_out()) {
      if (!settle_fully(owner, deadline)) return Taken::not_in_time;
      died = true;
      break;
    }
    if (deadline.passed()) return Taken::not_in_time;
    wait.sleep(inside, 1, deadline);
  }
  fail_point("arena.bias.out");
  if (died) inside.store(0, std::memory_order_relaxed);
  favoured_.store(0, std::memory_order_release);
  return died ? Taken::from_the_dead : Taken::from_the_favoured;
}

void BiasedLock::wake_revoker(Seats& seats) {
  const std::uint64_t favoured = favoured_.load(std::memory_order_relaxed);
  if ((favoured & not_now) != 0) (void)wake(seat_of(seats, favoured).inside, 1);
}

Member BiasedLock::holder(const Seats& seats) const {
  if (const Member holder = lock_.holder()) return holder;
  const std::uint64_t favoured = favoured_.load(std::memory_order_relaxed);
  if (favoured == 0 ||
      seats.seat[seat_number(favoured)].inside.load(std::memory_order_relaxed) == 0)
    return {};
  return process_of(favoured);
}

}  // namespace multiprocessing::detail
