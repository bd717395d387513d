// Making, finding and mapping the file behind a name.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace multiprocessing::detail {

struct Block {
  std::string name;
  std::size_t size = 0;
  std::shared_ptr<void> mapping;
};

using FillBlock = std::function<void(std::span<std::byte>)>;

/// All of its memory is reserved, and `fill` (may be null) has run, before the block has its name.
/// An empty name: one is made up, again while it is taken. Throws OSError, ValueError.
[[nodiscard]] Block create_block(std::string name, std::size_t size, bool track,
                                 const FillBlock& fill);

/// Throws OSError, ValueError.
[[nodiscard]] Block attach_block(const std::string& name);

}  // namespace multiprocessing::detail
