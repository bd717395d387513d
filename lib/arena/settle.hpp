// Settling the dead: what a member that died held is given back, and what it was doing is finished.
#pragma once

#include "arena/member.hpp"
#include "base/deadline.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Gives back what a process that is known to have ended held. For the parent that saw it end;
/// a no-op when it was done already.
MULTIPROCESSING_API void settle(Member member);

/// Settles a dead member before it returns, also when another process is about to: waits for that
/// one, or settles it too when it dies in it. False when the deadline passed before: the other is
/// stopped in it. Without the ledger mutex.
MULTIPROCESSING_API bool settle_fully(Member dead, const Deadline& deadline = Deadline::never());

// With the ledger mutex held:

/// Settles the members that died; how many.
int sweep_locked();

/// Settles a member that is known to have ended, or never to have been born.
bool settle_locked(Member member);

}  // namespace multiprocessing::detail
