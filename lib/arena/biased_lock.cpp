#include "arena/biased_lock.hpp"

#include <chrono>

#include "arena/fork.hpp"
#include "base/deadline.hpp"
#include "base/fail_point.hpp"
#include "base/spinning.hpp"
#include "base/waiting.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds nap = 10ms;  // a wake may die with its sender

std::atomic<std::uint32_t> last_thread_number{0};

/// Once for a process: in a forked child the name is another.
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

}  // namespace

constinit thread_local std::uint32_t own_thread_number = 0;

BiasedLock::Taken BiasedLock::acquire() {
  if (favoured_.load(std::memory_order_relaxed) == (own_key() | revoked)) wake_revoker();
  const Taken taken = lock_.acquire();
  const std::uint64_t favoured = favoured_.load(std::memory_order_relaxed);
  if (favoured == 0 || favoured == own_key()) return taken;
  return take_favour_back() ? Taken::from_the_dead : taken;
}

void BiasedLock::favour_me() {
  if (favoured_.load(std::memory_order_relaxed) != 0 || !can_be_favoured()) return;
  if (own_thread_number == 0) own_thread_number = ++last_thread_number;
  favoured_.store(own_key(), std::memory_order_relaxed);
  fail_point("arena.bias.given");
}

// True: it died inside.
bool BiasedLock::take_favour_back() {
  const std::uint64_t whose = favoured_.load(std::memory_order_relaxed) | revoked;
  favoured_.store(whose, std::memory_order_relaxed);
  fail_point("arena.bias.revoked");
  heavy_fence();  // from here on it sees the mark when it enters, or we see it inside
  fail_point("arena.bias.fenced");
  const Member owner = OwnerLock::named(static_cast<std::uint32_t>(whose));
  const auto is_out = [&] { return inside_.load(std::memory_order_acquire) == 0; };
  bool died = false;
  while (!spin(64, is_out)) {
    if (!alive(owner) && !is_out()) {
      settle_fully(owner);
      inside_.store(0, std::memory_order_relaxed);
      died = true;
      break;
    }
    futex_wait(inside_, 1, Deadline{nap});
  }
  fail_point("arena.bias.out");
  favoured_.store(0, std::memory_order_release);
  return died;
}

void BiasedLock::wake_revoker() {
  if ((favoured_.load(std::memory_order_relaxed) & revoked) != 0) futex_wake(inside_, 1);
}

Member BiasedLock::holder() const {
  if (const Member holder = lock_.holder()) return holder;
  if (inside_.load(std::memory_order_relaxed) == 0) return {};
  return OwnerLock::named(static_cast<std::uint32_t>(favoured_.load(std::memory_order_relaxed)));
}

}  // namespace multiprocessing::detail
