// Queues between processes.
#pragma once

#include "multiprocessing/queues/joinable_queue.hpp"
#include "multiprocessing/queues/queue.hpp"
#include "multiprocessing/queues/queue_options.hpp"
#include "multiprocessing/queues/queue_views.hpp"
#include "multiprocessing/queues/shared_buffer.hpp"
#include "multiprocessing/queues/simple_queue.hpp"
#include "multiprocessing/queues/submodule.hpp"
