// The module `synchronize`: locks and what is made of them, shared by processes.
#pragma once

#include "multiprocessing/synchronize/barrier.hpp"
#include "multiprocessing/synchronize/condition.hpp"
#include "multiprocessing/synchronize/event.hpp"
#include "multiprocessing/synchronize/lock.hpp"
#include "multiprocessing/synchronize/rlock.hpp"
#include "multiprocessing/synchronize/semaphore.hpp"
#include "multiprocessing/synchronize/submodule.hpp"
