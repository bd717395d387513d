// Values and arrays in shared memory: Python's `Value`, `Array` and their raw forms.
//
// `SharedVector`, `SharedString` and `SharedMap` need Boost.Container and are included by their own
// names.
#pragma once

#include "multiprocessing/sharedctypes/array.hpp"
#include "multiprocessing/sharedctypes/array_element.hpp"
#include "multiprocessing/sharedctypes/copy.hpp"
#include "multiprocessing/sharedctypes/raw_array.hpp"
#include "multiprocessing/sharedctypes/raw_value.hpp"
#include "multiprocessing/sharedctypes/submodule.hpp"
#include "multiprocessing/sharedctypes/value.hpp"
