// A block with a pattern of its own in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "arena/blocks.hpp"

namespace arena_test {

class Filled {
 public:
  Filled(std::size_t bytes, int pattern)
      : block_(bytes), bytes_(bytes), pattern_(static_cast<unsigned char>(pattern * 131 + 7)) {
    std::memset(block_.data(), pattern_, bytes_);
  }
  [[nodiscard]] const void* data() const { return block_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_; }
  [[nodiscard]] bool is_intact() const {
    const auto* at = static_cast<const unsigned char*>(block_.data());
    return std::all_of(at, at + bytes_, [this](unsigned char c) { return c == pattern_; });
  }

 private:
  multiprocessing::detail::Block block_;
  std::size_t bytes_;
  unsigned char pattern_;
};

}  // namespace arena_test
