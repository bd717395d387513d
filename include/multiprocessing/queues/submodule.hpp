// The names of Python's submodule `multiprocessing.queues`, for programs that know them by it.
#pragma once

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/queues/joinable_queue.hpp"
#include "multiprocessing/queues/queue.hpp"
#include "multiprocessing/queues/simple_queue.hpp"

/// `mp::queues::Queue` is `mp::Queue`.
namespace multiprocessing::queues {

using multiprocessing::Empty;
using multiprocessing::Full;
using multiprocessing::JoinableQueue;
using multiprocessing::Queue;
using multiprocessing::ShutDown;
using multiprocessing::SimpleQueue;

}  // namespace multiprocessing::queues
