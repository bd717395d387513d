// The family's shared memory: what is in use in it.
#pragma once

#include "multiprocessing/arena/usage.hpp"
