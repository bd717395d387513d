// What a child of a supervisor, or of a task group, says to it and asks it.
#pragma once

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/process/stop_token.hpp"

namespace multiprocessing {

/// Tells the supervisor that this child serves: the next one may start. Again without harm. Throws
/// `AssertionError` in a process that no supervisor or task group has started.
MULTIPROCESSING_API void ready();

/// Tells the supervisor that this child gets on; see `ChildOptions::watchdog`. A look at
/// the clock and a store; any thread of the child may call it. Throws as `ready()`.
MULTIPROCESSING_API void heartbeat();

/// Whether the supervisor has asked this child to stop; false in a process that none has started.
/// One read. A child that has asked once is given half of its `stop_within` before SIGTERM comes.
[[nodiscard]] MULTIPROCESSING_API bool stop_requested() noexcept;

/// The same to be kept and handed on.
[[nodiscard]] MULTIPROCESSING_API StopToken stop_token() noexcept;

}  // namespace multiprocessing
