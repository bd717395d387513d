// What a worker of a pool does before all tasks.
#pragma once

#include <functional>

#include "multiprocessing/detail/handle.hpp"
#include "pool/worker_limits.hpp"

namespace multiprocessing::detail {

/// Runs the initializer. False when it failed: then the board says why there is no point in another
/// worker.
[[nodiscard]] bool initialised(const Handle& board, const WorkerAccount& account,
                               const std::function<void()>& initialise);

}  // namespace multiprocessing::detail
