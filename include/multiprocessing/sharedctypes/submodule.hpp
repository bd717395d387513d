// The names of Python's submodule `multiprocessing.sharedctypes`, for those who know them by it.
#pragma once

#include "multiprocessing/sharedctypes/array.hpp"
#include "multiprocessing/sharedctypes/copy.hpp"
#include "multiprocessing/sharedctypes/raw_array.hpp"
#include "multiprocessing/sharedctypes/raw_value.hpp"
#include "multiprocessing/sharedctypes/value.hpp"

/// `mp::sharedctypes::Value` is `mp::Value`.
namespace multiprocessing::sharedctypes {

using multiprocessing::Array;
using multiprocessing::copy;
using multiprocessing::RawArray;
using multiprocessing::RawValue;
using multiprocessing::synchronized;
using multiprocessing::Value;

}  // namespace multiprocessing::sharedctypes
