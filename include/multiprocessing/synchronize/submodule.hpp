// The names of Python's submodule `multiprocessing.synchronize`.
#pragma once

#include "multiprocessing/synchronize/barrier.hpp"
#include "multiprocessing/synchronize/condition.hpp"
#include "multiprocessing/synchronize/event.hpp"
#include "multiprocessing/synchronize/lock.hpp"
#include "multiprocessing/synchronize/rlock.hpp"
#include "multiprocessing/synchronize/semaphore.hpp"

/// `mp::synchronize::Lock` is `mp::Lock`, as `multiprocessing.synchronize.Lock` is the class of
/// what `multiprocessing.Lock()` makes.
namespace multiprocessing::synchronize {

using multiprocessing::Barrier;
using multiprocessing::BoundedSemaphore;
using multiprocessing::Condition;
using multiprocessing::Event;
using multiprocessing::Lock;
using multiprocessing::RLock;
using multiprocessing::Semaphore;

}  // namespace multiprocessing::synchronize
