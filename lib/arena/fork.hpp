// What happens to the family when this process forks, and the births that are under way.
#pragma once

#include <mutex>

#include "arena/family.hpp"
#include "base/deadline.hpp"

namespace multiprocessing::detail {

/// Held while the segment is made; taken before the ledger mutex.
[[nodiscard]] std::mutex& attach_mutex();

// With the ledger mutex held:

/// Settles the members that died; how many.
int sweep_locked();

/// Settles a member that is known to have ended, or never to have been born.
bool settle_locked(Member member);

/// Settles a dead member before it returns, also when another process is about to: waits for that
/// one, or settles it too when it dies in it. False when the deadline passed before: the other is
/// stopped in it. Without the ledger mutex.
MULTIPROCESSING_API bool settle_fully(Member dead, const Deadline& deadline = Deadline::never());

/// Raw forks whose child never came to life, or is on its way no more; how many were rolled back.
int sweep_births();

/// An unborn child of this process, with `handles` booked to it.
[[nodiscard]] Member prepare_child(std::span<const Handle> handles);

}  // namespace multiprocessing::detail
