// The names of Python's submodule `multiprocessing.sharedctypes`.
#pragma once

#include "multiprocessing/sharedctypes/array.hpp"
#include "multiprocessing/sharedctypes/copy.hpp"
#include "multiprocessing/sharedctypes/raw_array.hpp"
#include "multiprocessing/sharedctypes/raw_value.hpp"
#include "multiprocessing/sharedctypes/value.hpp"

/// `mp::sharedctypes::Value` is `mp::Value`, so that ported code reads as before. The containers
/// that grow are not here, because Python's submodule has none.
namespace multiprocessing::sharedctypes {

using multiprocessing::Array;
using multiprocessing::copy;
using multiprocessing::RawArray;
using multiprocessing::RawValue;
using multiprocessing::synchronized;
using multiprocessing::Value;

}  // namespace multiprocessing::sharedctypes
