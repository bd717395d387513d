#include "multiprocessing/detail/acquirable.hpp"

#include <unistd.h>

#include <chrono>

#include "base/process_name.hpp"
#include "multiprocessing/base/errors.hpp"
#include "synchronize/lock_core.hpp"
#include "synchronize/units.hpp"

namespace multiprocessing::detail {
namespace {

/// The first branch is for the thread that holds it already.
[[gnu::noinline]] bool enter_rlock(LockCore& core) {
  if (core.owner.load(std::memory_order_relaxed) == own_token()) {
    core.depth.store(core.depth.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return true;
  }
  if (!take_free(core)) return false;
  core.depth.store(1, std::memory_order_relaxed);
  return true;
}

/// The fast path: one compare-and-swap, and no look at whether a holder lives.
inline bool acquire_at_once(LockCore& core) {
  switch (core.kind) {
    case LockKind::lock:
      return take_free(core);
    case LockKind::rlock:
      return enter_rlock(core);
    case LockKind::semaphore:
    case LockKind::bounded:
      return take_counted_at_once(core);
    case LockKind::ledger:
      break;
  }
  return try_take_unit(core);
}

/// The slow path, after acquire_at_once() has failed: asks whether the holder lives, and waits.
[[gnu::noinline]] bool acquire_slowly(LockCore& core, Timeout timeout) {
  const bool now = timeout.length().count() == 0;
  if (core.kind >= LockKind::semaphore)
    return try_take_unit(core) || (now ? return_units_of_dead(core) && try_take_unit(core)
                                       : take_unit(core, Deadline{timeout}));
  const Taken how = now ? take_now(core) : take(core, Deadline{timeout});
  if (how == Taken::abandoned) throw_owner_died(core);
  if (how == Taken::yes && core.kind == LockKind::rlock)
    core.depth.store(1, std::memory_order_relaxed);
  return how == Taken::yes;
}

[[gnu::noinline]] void release_rlock(LockCore& core) {
  if (core.owner.load(std::memory_order_relaxed) != own_token())
    throw AssertionError(
        "attempt to release recursive lock not owned by thread: release it where it was acquired");
  const std::uint32_t levels = core.depth.load(std::memory_order_relaxed) - 1;
  core.depth.store(levels, std::memory_order_relaxed);
  if (levels == 0) static_cast<void>(give_back_all(core));
}

void release_core(LockCore& core) {
  if (core.kind == LockKind::semaphore || core.kind == LockKind::bounded) {
    if (!return_counted_at_once(core)) return_unit(core);
    return;
  }
  if (core.kind == LockKind::ledger) return return_unit(core);
  if (core.kind == LockKind::rlock) return release_rlock(core);
  if (!give_back(core))
    throw ValueError("semaphore or lock released too many times: nobody holds this lock");
}

}  // namespace

LockCore& Acquirable::find_core() const {
  auto* at = core_.as<LockCore>();
  known_.at.store(at, std::memory_order_release);
  return *at;
}

void Acquirable::acquire() const {
  LockCore& at = core();
  if (!acquire_at_once(at)) static_cast<void>(acquire_slowly(at, Timeout::forever));
}

bool Acquirable::acquire(Timeout timeout) const {
  LockCore& at = core();
  return acquire_at_once(at) || acquire_slowly(at, timeout);
}

bool Acquirable::try_acquire() const { return acquire(std::chrono::nanoseconds::zero()); }

void Acquirable::release() const { release_core(core()); }

bool Acquirable::locked() const {
  LockCore& at = core();
  return at.kind >= LockKind::semaphore ? free_units(at) == 0 : at.word.load() != 0;
}

void Acquirable::recover_core() const { recover(core()); }

void Acquirable::leave_unmended() const {
  core().unmended.store(1);
  release();
}

std::string Acquirable::text(const char* kind) const {
  LockCore& at = core();
  const bool recursive = at.kind == LockKind::rlock;
  const std::uint32_t word = at.word.load();
  std::string owner = "None";
  std::string levels = "0";
  if (is_mine(at)) {
    owner = process_name();
    if (gettid() != getpid())
      owner += "|Thread-" + std::to_string(static_cast<std::uint32_t>(own_token()));
    levels = std::to_string(at.depth.load());
  } else if (word != 0) {
    const bool here = (word & ~1U) == own_token() >> 32;
    owner = here ? "SomeOtherThread" : "SomeOtherProcess";
    levels = "nonzero";
  }
  if (recursive) return std::string{"<"} + kind + '(' + owner + ", " + levels + ")>";
  return std::string{"<"} + kind + "(owner=" + owner + ")>";
}

}  // namespace multiprocessing::detail
