// The names of Python's submodule `multiprocessing.pool`, for those who know them by it.
#pragma once

#include "multiprocessing/pool/pool.hpp"
#include "multiprocessing/pool/pool_options.hpp"

/// `mp::pool::Pool` is `mp::Pool`.
namespace multiprocessing::pool {

using multiprocessing::Pool;
using multiprocessing::PoolOptions;

}  // namespace multiprocessing::pool
