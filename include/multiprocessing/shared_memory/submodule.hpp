// The names of Python's submodule `multiprocessing.shared_memory`, for those who know them by it.
#pragma once

#include "multiprocessing/shared_memory/shareable_list.hpp"
#include "multiprocessing/shared_memory/shared_memory.hpp"

/// `mp::shared_memory::SharedMemory` is `mp::SharedMemory`.
namespace multiprocessing::shared_memory {

using multiprocessing::ShareableList;
using multiprocessing::SharedMemory;

}  // namespace multiprocessing::shared_memory
