// BarrierBody: what a Barrier is in shared memory.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "arena/owner_lock.hpp"
#include "base/deadline.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "synchronize/records.hpp"

namespace multiprocessing::detail {

enum class BarrierState : std::uint32_t { filling, acting, broken };
enum class BrokenBy : std::uint32_t { nothing, abort, reset, timeout, action, death, signal };

/// An object of the arena. All but `round` and the parties is changed under `lock`; a round ends,
/// well or broken, with the store of `round`. While a stopped party has the lock, a party
/// with a time-out gives the round up, when that passes, by a bit of that word; the next holder of
/// the lock breaks it. A take-over of the lock breaks the barrier, because the dead holder was a
/// party.
///
/// The parties' records hold the names of processes, whether or not they wait now.
struct BarrierBody {
  OwnerLock lock;
  std::uint32_t parties;
  std::int64_t timeout;
  std::atomic<BarrierState> state;
  std::atomic<std::uint32_t> arrived;        // in this round
  std::atomic<std::uint32_t> round;          // futex; lowest bits: a party sleeps; given up
  std::atomic<std::uint64_t> broken_rounds;  // a bit for each of the last 64
  std::atomic<BrokenBy> broken_by;
  std::atomic<std::uint32_t> looks;     // how often waiters looked by themselves; see Wait
  std::atomic<std::uint64_t> began_at;  // the round's first arrival, in nanoseconds of the clock
  std::atomic<std::uint64_t> asked_at;  // when a party last asked whether one is dead
  std::atomic<std::int32_t> dead_pid;
  std::atomic<std::int32_t> dead_code;
  RecordTable known;
};

/// The calling thread's part in one round.
struct BarrierArrival {
  std::uint32_t round;  // without the lowest bits
  std::uint32_t index;
  bool last;
};

/// Makes `party`, the calling process or a child that was handed the barrier, a party from now on.
void add_party(const Handle& object, Member party);

/// Waits while the action of the round before runs. The last arrival ends the round; with `acts` it
/// only stops others from arriving, until complete(). Throws BrokenBarrierError.
[[nodiscard]] BarrierArrival arrive(const Handle& object, bool acts, const Deadline& deadline);

/// For every arrival but the last: waits until the round has ended.
void wait_for_round(const Handle& object, const BarrierArrival& arrival, const Deadline& deadline);

/// For the last arrival, after its action: ends the round well, unless it has been broken
/// meanwhile.
void complete(const Handle& object, const BarrierArrival& arrival);

/// Ends the round that `arrival` belongs to, if it has not ended.
void break_round(const Handle& object, const BarrierArrival& arrival, BrokenBy cause);

void break_barrier(const Handle& object);
/// Whether a party gave the round up, so that it counts as broken before the lock is free.
[[nodiscard]] bool is_given_up(const BarrierBody& body);
void reset_barrier(const Handle& object);

}  // namespace multiprocessing::detail
