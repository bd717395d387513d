// Which element of its call a worker is at, for this_task.
#pragma once

#include <atomic>
#include <cstddef>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Stored before each element by the thread that runs it; other threads of the task may look.
MULTIPROCESSING_API extern std::atomic<std::size_t> current_element;

inline void at_element(std::size_t index) {
  current_element.store(index, std::memory_order_relaxed);
}

}  // namespace multiprocessing::detail
