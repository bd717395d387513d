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
/// well or broken, with the store of `round`. Where a party is stopped with the lock, another whose
/// time is over gives the round up by a bit of that word, and who has the lock next breaks it.
/// Whoever takes the lock from a dead process breaks the barrier, for a party has died in it.
///
/// The parties' records hold the names of processes, whether or not they wait now.
struct BarrierBody {
  OwnerLock lock;
  std::uint32_t parties;
  std::int64_t timeout;
  std::atomic<BarrierState> state;
  std::atomic<std::uint32_t> arrived;        // in this round
  std::atomic<std::uint32_t> round;          // futex; lowest bits: somebody sleeps; given up
  std::atomic<std::uint64_t> broken_rounds;  // a bit for each of the last 64
  std::atomic<BrokenBy> broken_by;
  std::atomic<std::uint32_t> looks;     // of waiters; see Wait
  std::atomic<std::uint64_t> began_at;  // nanoseconds of the clock: the round's first arrival
  std::atomic<std::uint64_t> asked_at;  // whether any party is dead
  std::atomic<std::int32_t> dead_pid;
  std::atomic<std::int32_t> dead_code;
  RecordTable known;
};

/// A round as the calling thread knows it.
struct Turn {
  std::uint32_t round;  // without the lowest bits
  std::uint32_t index;
  bool last;
};

/// The calling process, or a child that was handed the barrier, is a party from now on.
void add_party(const Handle& object, Member party);

/// Throws BrokenBarrierError. While the action of the round before runs it waits. The last one
/// ends the round, unless it `acts` before complete().
[[nodiscard]] Turn arrive(const Handle& object, bool acts, const Deadline& deadline);

/// For all but the last: waits until the round has ended.
void wait_for_round(const Handle& object, const Turn& turn, const Deadline& deadline);

/// For the last one that acted: ends the round well, unless it has been broken meanwhile.
void complete(const Handle& object, const Turn& turn);

/// Ends the round that `turn` belongs to, if it has not ended.
void break_round(const Handle& object, const Turn& turn, BrokenBy cause);

void break_barrier(const Handle& object);
/// Whether the round is broken, though nobody could have the lock since.
[[nodiscard]] bool is_given_up(const BarrierBody& body);
void reset_barrier(const Handle& object);

}  // namespace multiprocessing::detail
