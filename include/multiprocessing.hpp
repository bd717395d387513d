// Everything that `import multiprocessing` gives.
#pragma once

#include "multiprocessing/arena.hpp"
#include "multiprocessing/base.hpp"
#include "multiprocessing/connection.hpp"
#include "multiprocessing/futures.hpp"
#include "multiprocessing/pickle.hpp"
#include "multiprocessing/pool.hpp"
#include "multiprocessing/process.hpp"
#include "multiprocessing/queues.hpp"
#include "multiprocessing/reduction.hpp"
#include "multiprocessing/shared_memory.hpp"
#include "multiprocessing/sharedctypes.hpp"
#include "multiprocessing/synchronize.hpp"
