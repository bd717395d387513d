// What makes an RLock at first use: for RLock and for Condition.
#pragma once

#include "synchronize/lock_core.hpp"

namespace multiprocessing::detail {

extern const ObjectMaker rlock_maker;

}  // namespace multiprocessing::detail
