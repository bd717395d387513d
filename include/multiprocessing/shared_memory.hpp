// The module `shared_memory`: blocks with names, which other programs and CPython see too.
#pragma once

#include "multiprocessing/shared_memory/shareable_list.hpp"
#include "multiprocessing/shared_memory/shared_memory.hpp"
#include "multiprocessing/shared_memory/submodule.hpp"
