// The pool of an executor.
#pragma once

#include <memory>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/pool/pool.hpp"

namespace multiprocessing::detail {

/// Workers without an initializer.
[[nodiscard]] MULTIPROCESSING_API WorkerFactory plain_workers();

/// One whose workers start when there are tasks for them.
[[nodiscard]] MULTIPROCESSING_API std::shared_ptr<PoolCore> make_executor(
    const PoolOptions& options, WorkerFactory factory);

}  // namespace multiprocessing::detail
