// Executors and futures.
#pragma once

#include "multiprocessing/futures/future.hpp"
#include "multiprocessing/futures/process_pool_executor.hpp"
#include "multiprocessing/futures/process_pool_manager.hpp"
#include "multiprocessing/futures/shared_data.hpp"
#include "multiprocessing/futures/submodule.hpp"
#include "multiprocessing/futures/wait.hpp"
#include "multiprocessing/futures/when_all.hpp"
