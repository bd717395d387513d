#include "multiprocessing/connection/wait.hpp"

#include <algorithm>
#include <string>

#include "base/deadline.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {

std::vector<std::size_t> wait_for(std::span<const int> descriptors, Timeout timeout) {
  if (descriptors.empty() && timeout.is_forever())
    throw ValueError("wait() was given nothing to wait for, and no timeout");
  std::vector<int> sorted{descriptors.begin(), descriptors.end()};
  std::ranges::sort(sorted);
  const auto twice = std::ranges::adjacent_find(sorted);
  if (twice != sorted.end())
    throw KeyError("descriptor " + std::to_string(*twice) + " stands twice in what to wait for");
  return wait_any(descriptors, Deadline{timeout});
}

}  // namespace multiprocessing::detail
