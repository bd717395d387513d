// Pools of worker processes.
#pragma once

#include "multiprocessing/pool/async_result.hpp"
#include "multiprocessing/pool/callbacks.hpp"
#include "multiprocessing/pool/mapped.hpp"
#include "multiprocessing/pool/pool.hpp"
#include "multiprocessing/pool/pool_options.hpp"
#include "multiprocessing/pool/pool_stats.hpp"
#include "multiprocessing/pool/progress.hpp"
#include "multiprocessing/pool/results.hpp"
#include "multiprocessing/pool/submit_options.hpp"
#include "multiprocessing/pool/submodule.hpp"
#include "multiprocessing/pool/task_callable.hpp"
#include "multiprocessing/pool/this_task.hpp"
#include "multiprocessing/pool/this_worker.hpp"
