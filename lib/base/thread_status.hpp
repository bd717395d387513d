// What the kernel tells about the calling thread in one file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// /proc/thread-self/status, or that of the whole process's first thread, read once.
class MULTIPROCESSING_API ThreadStatus {
 public:
  explicit ThreadStatus(const char* path = "/proc/thread-self/status");

  /// False without /proc.
  [[nodiscard]] bool known() const { return !text_.empty(); }

  /// What stands behind "Name:"; empty where the kernel has no such line.
  [[nodiscard]] std::string_view operator[](std::string_view name) const;

  /// The same as a number; 0 where there is none.
  [[nodiscard]] std::uint64_t number(std::string_view name, int base) const;

 private:
  std::string text_;
};

/// What stands in a small file; empty when it cannot be read, and errno says why.
[[nodiscard]] MULTIPROCESSING_API std::string read_small_file(const char* path);

}  // namespace multiprocessing::detail
