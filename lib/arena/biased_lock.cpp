#include "arena/biased_lock.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "arena/event_count.hpp"
#include "arena/settle.hpp"
#include "base/deadline.hpp"
#include "base/fail_point.hpp"
#include "base/interruption.hpp"

namespace multiprocessing::detail {
namespace {

/// Asked once in each process: a forked child has another name.
bool can_be_biased() {
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

BiasedLock::Taken BiasedLock::acquire(const Deadline& deadline) const {
  // Only a stopped process holds it for long, and such a wait is the program's.
  if (may_be_interrupted()) {
    Taken taken = Taken::not_in_time;
    (void)try_interruptibly(deadline, [&](const Deadline& until) {
      const Uninterrupted shield;
      return (taken = acquire(until)) != Taken::not_in_time;
    });
    return taken;
  }
  wake_revoker();  // if this thread was in by mistake
  const Taken taken = words_.lock.acquire(deadline);
  if (taken == Taken::not_in_time || !is_biased(std::memory_order_relaxed)) return taken;
  try {
    const Taken revoked = revoke(deadline);
    // Released with the mark: the next thread goes on revoking. A dead holder has left nothing to
    // repair while the owner of the bias is inside, because that holder never came in.
    if (revoked == Taken::not_in_time) words_.lock.release();
    return revoked == Taken::free ? taken : revoked;
  } catch (...) {
    words_.lock.release();
    throw;
  }
}

void BiasedLock::came(std::uint32_t operations) const {
  constexpr int alone_for_good = 8;
  constexpr std::uint32_t per_time = 128;  // more operations than that count for several times
  constexpr std::uint32_t most_at_once = 64;
  static thread_local char mine;
  const auto me = OwnerLock::own_name() ^
                  static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&mine) >> 4);
  if (std::exchange(flags_.last_to_come, me) != me) flags_.times_alone = 0;
  const std::uint32_t times = 1 + std::min(operations / per_time, most_at_once);
  flags_.times_alone = static_cast<std::uint8_t>(flags_.times_alone + times);
  if (flags_.times_alone < alone_for_good << flags_.revocations) return;
  flags_.times_alone = 0;
  bias_to_this_thread();
}

void BiasedLock::bias_to_this_thread() const {
  if (is_biased(std::memory_order_relaxed) || !can_be_biased()) return;
  if (own_thread_number == 0) own_thread_number = static_cast<std::uint32_t>(gettid());
  const std::uint64_t key = own_key();
  for (std::size_t flag = 0; flag < BiasFlags::count; ++flag) {
    const std::uint64_t whose = flags_.whose[flag].load(std::memory_order_relaxed);
    if (whose != key) {
      if (whose != 0 && !has_ended(whose)) continue;
      flags_.inside[flag].store(0, std::memory_order_relaxed);  // it may have died inside
      flags_.whose[flag].store(key, std::memory_order_relaxed);
    }
    words_.bias.store(key | std::uint64_t{flag} << 32 | not_now, std::memory_order_relaxed);
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
void BiasedLock::give_bias() const {
  words_.bias.store(words_.bias.load(std::memory_order_relaxed) & ~not_now,
                    std::memory_order_relaxed);
  fail_point("arena.bias.given");
}

BiasedLock::Taken BiasedLock::revoke(const Deadline& deadline) const {
  constexpr int most_counted = 4;
  const std::uint64_t bias = words_.bias.load(std::memory_order_relaxed) | not_now;
  words_.bias.store(bias, std::memory_order_relaxed);
  fail_point("arena.bias.revoked");
  heavy_fence();  // from here on the bias's owner sees the mark, or this thread sees it inside
  fail_point("arena.bias.fenced");
  std::atomic<std::uint32_t>& inside = flags_.inside[flag_of(bias)];
  const Member owner = process_of(bias);
  const auto is_out = [&] { return inside.load(std::memory_order_acquire) == 0; };
  Taken taken = Taken::free;
  Wait wait{back_off::inner_lock, "an internal lock"};
  while (!wait.spin(is_out)) {
    if (!alive(owner) && !is_out()) {
      if (!settle_fully(owner, deadline)) return Taken::not_in_time;
      taken = Taken::from_the_dead;
      break;
    }
    if (deadline.passed()) return Taken::not_in_time;
    wait.sleep(inside, 1, deadline);
  }
  fail_point("arena.bias.out");
  if (taken == Taken::from_the_dead) inside.store(0, std::memory_order_relaxed);
  // It cost more than a short bias gains: the next one is for a thread that was alone for longer.
  flags_.times_alone = 0;
  if (flags_.revocations < most_counted) ++flags_.revocations;
  words_.bias.store(0, std::memory_order_release);
  return taken;
}

void BiasedLock::wake_revoker() const {
  const std::uint64_t bias = words_.bias.load(std::memory_order_relaxed);
  if ((bias & not_now) != 0) (void)wake(flags_.inside[flag_of(bias)], 1);
}

Member BiasedLock::holder() const {
  if (const Member holder = words_.lock.holder()) return holder;
  const std::uint64_t bias = words_.bias.load(std::memory_order_relaxed);
  const bool inside =
      bias != 0 && flags_.inside[flag_of(bias)].load(std::memory_order_relaxed) != 0;
  return inside ? process_of(bias) : Member{};
}

}  // namespace multiprocessing::detail
