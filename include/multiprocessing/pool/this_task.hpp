// this_task: what a task may ask about itself.
#pragma once

#include <cstddef>
#include <cstdint>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/process/stop_token.hpp"

namespace multiprocessing::this_task {

/// Whether the task that this process runs was asked to stop, by `AsyncResult::stop`, by a
/// `std::stop_token` in its options, or with its whole pool. False where no task runs. One read;
/// any thread of the worker may ask, and children forked by the task.
[[nodiscard]] MULTIPROCESSING_API bool stop_requested() noexcept;

/// The same to be kept and handed on: it is for this task, also when another one has followed.
[[nodiscard]] MULTIPROCESSING_API StopToken stop_token() noexcept;

/// Which element of its range is run, as `WorkerDied::task()` counts them; 0 for a task of
/// `apply_async`. Throws `AssertionError` where no task runs; any thread of the worker may ask.
[[nodiscard]] MULTIPROCESSING_API std::size_t index();

/// For a generator of random numbers: the same for the same task in every run of the program,
/// whichever worker runs it and however often, and another one for each element and each task. It
/// follows from the element, the number of the call on its pool and the number of the pool. Throws
/// `AssertionError` where no task runs.
[[nodiscard]] MULTIPROCESSING_API std::uint64_t seed();

}  // namespace multiprocessing::this_task
