// Settling: recovery after a death. All that the dead member held is released, once, and the
// operation that it was at is completed or forgotten.
#pragma once

#include "arena/member.hpp"
#include "base/deadline.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Releases what a process held that is known to have ended. For the parent that saw it end; does
/// nothing when it was settled already.
MULTIPROCESSING_API void settle(Member member);

/// Returns once the dead member is settled. If another process is at it, waits for that process, or
/// settles both if it dies in it. False when the deadline passed before: the settler is stopped.
/// Without the ledger mutex.
MULTIPROCESSING_API bool settle_fully(Member dead, const Deadline& deadline = Deadline::never());

// With the ledger mutex of this process held. Other processes are kept off by the slot's state, in
// which the settler names itself.

/// Settles the members that died; how many.
int sweep_locked();

/// Settles a member that is known to have ended, or never to have been born.
bool settle_locked(Member member);

}  // namespace multiprocessing::detail
