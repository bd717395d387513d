// The names of Python's submodule `multiprocessing.shared_memory`.
#pragma once

#include "multiprocessing/shared_memory/shareable_list.hpp"
#include "multiprocessing/shared_memory/shared_memory.hpp"

/// `mp::shared_memory::SharedMemory` is `mp::SharedMemory`, so that ported code reads as before.
namespace multiprocessing::shared_memory {

using multiprocessing::ShareableList;
using multiprocessing::SharedMemory;

}  // namespace multiprocessing::shared_memory
