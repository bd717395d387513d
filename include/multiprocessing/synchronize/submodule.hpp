// The names of Python's submodule `multiprocessing.synchronize`, for those who know them by it.
#pragma once

#include "multiprocessing/synchronize/barrier.hpp"
#include "multiprocessing/synchronize/condition.hpp"
#include "multiprocessing/synchronize/event.hpp"
#include "multiprocessing/synchronize/lock.hpp"
#include "multiprocessing/synchronize/rlock.hpp"
#include "multiprocessing/synchronize/semaphore.hpp"

/// `mp::synchronize::Lock` is `mp::Lock`: both memories of a Python programmer work.
namespace multiprocessing::synchronize {

using multiprocessing::Barrier;
using multiprocessing::BoundedSemaphore;
using multiprocessing::Condition;
using multiprocessing::Event;
using multiprocessing::Lock;
using multiprocessing::RLock;
using multiprocessing::Semaphore;

}  // namespace multiprocessing::synchronize
