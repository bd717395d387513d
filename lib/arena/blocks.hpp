// Blocks: raw memory of the arena, for what is larger or shorter-lived than an object.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arena/message_handles.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

/// Where `offset` lies in this process; null for 0.
[[nodiscard]] MULTIPROCESSING_API void* address_of(std::uint64_t offset);

/// A block that this process has taken and not yet handed to anybody; freed with it if it dies.
class MULTIPROCESSING_API Block {
 public:
  Block() noexcept = default;
  /// Not zeroed. Throws OSError with the figures when memory is short.
  explicit Block(std::size_t bytes);
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;
  ~Block();

  [[nodiscard]] void* data() const { return address_of(offset_); }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] explicit operator bool() const { return offset_ != 0; }

  /// Hands the block to `object`: `link`, an empty one among the object's links that nobody else
  /// writes, owns it from now on. Freed by release(link) or with the object.
  void give_to(const Handle& object, Link& link) &&;

 private:
  std::uint64_t offset_ = 0;
};

/// The block that `link` owns, in this process; null when it owns none.
[[nodiscard]] MULTIPROCESSING_API void* block_of(const Link& link);

}  // namespace multiprocessing::detail
