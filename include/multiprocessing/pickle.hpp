// The module `pickle`: values that Python programs exchange, and their bytes.
#pragma once

#include "multiprocessing/pickle/mapping.hpp"
#include "multiprocessing/pickle/object.hpp"
#include "multiprocessing/pickle/pickle.hpp"
