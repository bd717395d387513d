#include "multiprocessing/detail/acquirable.hpp"

#include <unistd.h>

#include "base/process_name.hpp"
#include "multiprocessing/base/errors.hpp"
#include "synchronize/lock_core.hpp"
#include "synchronize/units.hpp"

namespace multiprocessing::detail {
namespace {

/// One level more, if the calling thread holds the RLock already.
bool enter_again(LockCore& core) {
  if (core.owner.load(std::memory_order_relaxed) != own_token()) return false;
  core.depth.store(core.depth.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return true;
}

bool is_semaphore(const LockCore& core) { return core.kind >= LockKind::semaphore; }

bool taken(LockCore& core, Taken how) {
  if (how == Taken::abandoned) throw_owner_died(core);
  if (how == Taken::yes && core.kind == LockKind::rlock)
    core.depth.store(1, std::memory_order_relaxed);
  return how == Taken::yes;
}

void release_rlock(LockCore& core) {
  if (core.owner.load(std::memory_order_relaxed) != own_token())
    throw AssertionError(
        "attempt to release recursive lock not owned by thread: release it where it was acquired");
  const std::uint32_t levels = core.depth.load(std::memory_order_relaxed) - 1;
  core.depth.store(levels, std::memory_order_relaxed);
  if (levels == 0) static_cast<void>(give_back_all(core));
}

}  // namespace

bool try_acquire(LockCore& core) {
  if (is_semaphore(core)) return try_take_unit(core);
  if (core.kind == LockKind::rlock && enter_again(core)) return true;
  return taken(core, take_now(core));
}

bool acquire(LockCore& core, Timeout timeout) {
  if (try_acquire(core)) return true;
  if (timeout.length().count() == 0) return false;
  const Deadline deadline{timeout};
  return is_semaphore(core) ? take_unit(core, deadline) : taken(core, take(core, deadline));
}

void acquire(LockCore& core) { static_cast<void>(acquire(core, Timeout::forever)); }

void release(LockCore& core) {
  if (is_semaphore(core)) return return_unit(core);
  if (core.kind == LockKind::rlock) return release_rlock(core);
  if (!give_back(core))
    throw ValueError("semaphore or lock released too many times: nobody holds this lock");
}

bool locked(LockCore& core) {
  return is_semaphore(core) ? free_units(core) == 0 : core.word.load() != 0;
}

void Acquirable::acquire() const { detail::acquire(core()); }
bool Acquirable::acquire(Timeout timeout) const { return detail::acquire(core(), timeout); }
bool Acquirable::try_acquire() const { return detail::try_acquire(core()); }
void Acquirable::release() const { detail::release(core()); }
bool Acquirable::locked() const { return detail::locked(core()); }
void Acquirable::recover_core() const { detail::recover(core()); }

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
