// The family's shared memory: containers in it, and what is in use.
#pragma once

#include "multiprocessing/arena/allocator.hpp"
#include "multiprocessing/arena/usage.hpp"
