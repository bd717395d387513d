// Values, callables and exceptions to bytes and back.
#pragma once

#include "multiprocessing/reduction/archive.hpp"
#include "multiprocessing/reduction/exceptions.hpp"
#include "multiprocessing/reduction/function.hpp"
#include "multiprocessing/reduction/is_flat.hpp"
#include "multiprocessing/reduction/partial.hpp"
#include "multiprocessing/reduction/results.hpp"
#include "multiprocessing/reduction/serializer.hpp"
