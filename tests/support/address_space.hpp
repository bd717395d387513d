// Limits of address space, and objects that lie where a process has not been.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <vector>

#include "arena/layout.hpp"
#include "arena/windows.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace test_support {

inline constexpr std::size_t MiB = std::size_t{1} << 20;

inline std::size_t address_space() {
  std::size_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages;
  return pages * 4096;
}

/// At most so much more than the process has now.
inline void limit_address_space(std::size_t more) {
  const rlimit limit{address_space() + more, RLIM_INFINITY};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

inline void lift_limit_of_address_space() {
  const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

/// While it lives, no chunk is free but in windows that no process has mapped before: what is made
/// then lies at least `windows` further up than what this process has mapped. Takes no memory.
class FarAway {
 public:
  explicit FarAway(std::uint64_t windows = 4) {
    namespace detail = multiprocessing::detail;
    const std::uint64_t from =
        (detail::windows_here.mapped.load() + windows) * detail::window_bytes;
    // The larger ones first, until only gaps are left that are too small for them.
    for (const std::size_t bytes : {16 * MiB, MiB, std::size_t{60'000}})
      for (std::uint64_t at = 0; at < from; at = objects_.back().offset())
        objects_.push_back(detail::Handle::make_sparse(bytes));
  }

 private:
  std::vector<multiprocessing::detail::Handle> objects_;
};

}  // namespace test_support
