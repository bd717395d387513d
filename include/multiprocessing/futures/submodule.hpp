// The names of Python's `concurrent.futures`, for those who know them by it.
#pragma once

#include "multiprocessing/futures/future.hpp"
#include "multiprocessing/futures/process_pool_executor.hpp"
#include "multiprocessing/futures/wait.hpp"

/// `mp::futures::wait` is `mp::wait` for futures.
namespace multiprocessing::futures {

using multiprocessing::as_completed;
using multiprocessing::BrokenProcessPool;
using multiprocessing::CancelledError;
using multiprocessing::Future;
using multiprocessing::InvalidStateError;
using multiprocessing::ProcessPoolExecutor;
using multiprocessing::TimeoutError;
using multiprocessing::wait;

}  // namespace multiprocessing::futures
