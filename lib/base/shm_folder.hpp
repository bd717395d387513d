// The folder of blocks of memory with names.
#pragma once

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// /dev/shm, unless MULTIPROCESSING_SHM_FOLDER named another one when it was asked for first.
[[nodiscard]] MULTIPROCESSING_API const char* shm_folder();

}  // namespace multiprocessing::detail
