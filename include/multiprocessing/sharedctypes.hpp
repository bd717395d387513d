// Values and arrays in shared memory.
#pragma once

#include "multiprocessing/sharedctypes/array.hpp"
#include "multiprocessing/sharedctypes/array_element.hpp"
#include "multiprocessing/sharedctypes/copy.hpp"
#include "multiprocessing/sharedctypes/raw_array.hpp"
#include "multiprocessing/sharedctypes/raw_value.hpp"
#include "multiprocessing/sharedctypes/submodule.hpp"
#include "multiprocessing/sharedctypes/value.hpp"
