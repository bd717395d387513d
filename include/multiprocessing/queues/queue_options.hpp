// The keyword arguments of queues.
#pragma once

#include <cstddef>

namespace multiprocessing {

/// What bounds a queue; a put waits while the bound is reached. 0 is no bound.
struct QueueOptions {
  std::size_t maxsize = 0;    // messages
  std::size_t max_bytes = 0;  // of their contents; a larger one alone is let into an empty queue
};

struct QueueShutdownOptions {
  bool immediate = false;  // drops what has not been got
};

}  // namespace multiprocessing
