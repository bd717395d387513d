// The eventfd that has a pool's watcher look again.
#pragma once

#include <unistd.h>

#include <cstdint>

namespace multiprocessing::detail {

inline void ring(int bell) {
  const std::uint64_t one = 1;
  // Full means that it has been rung already.
  [[maybe_unused]] const ssize_t written = ::write(bell, &one, sizeof one);
}

}  // namespace multiprocessing::detail
