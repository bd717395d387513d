// this_task: what a task may ask about itself.
#pragma once

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/process/stop_token.hpp"

namespace multiprocessing::this_task {

/// Whether the task that this process runs was asked to stop, by `AsyncResult::stop`, by a
/// `std::stop_token` in its options, or with its whole pool. False where no task runs. One read;
/// any thread of the worker may ask, and children forked by the task.
[[nodiscard]] MULTIPROCESSING_API bool stop_requested() noexcept;

/// The same to be kept and handed on: it is for this task, also when another one has followed.
[[nodiscard]] MULTIPROCESSING_API StopToken stop_token() noexcept;

}  // namespace multiprocessing::this_task
