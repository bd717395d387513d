// Blocks: raw memory of the arena, for what is larger or shorter-lived than an object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "arena/member.hpp"
#include "arena/memory_limits.hpp"
#include "arena/message_handles.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

/// Where `offset` lies in this process; null for 0.
[[nodiscard]] MULTIPROCESSING_API void* address_of(std::uint64_t offset);

/// A block that this process has taken and not yet given to a link; freed with the process if it
/// dies.
class MULTIPROCESSING_API Block {
 public:
  Block() noexcept = default;
  /// `bytes`, and `links` empty words to hold objects by. Throws OSError with the figures when
  /// memory is short.
  explicit Block(std::size_t bytes, std::size_t links = 0, Contents contents = Contents::zeroed);
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;
  ~Block();

  [[nodiscard]] void* data() const;
  [[nodiscard]] std::span<Link> links() const;
  [[nodiscard]] explicit operator bool() const { return offset_ != 0; }

  /// `link` owns the block from now on; it was empty, and no other thread writes it. The block is
  /// freed by release(link) or with the object that the link is in, which the caller holds
  /// meanwhile. Throws ProcessError in a forked child: its copy is its parent's block.
  void give_to(Link& link) &&;

 private:
  [[nodiscard]] bool is_ours() const;

  std::uint64_t offset_ = 0;
  Member claimer_;  // in a forked child the copy of its parent's block is not the child's
};

/// The memory of the block that `link` owns, and its links; null and empty when it owns none.
[[nodiscard]] MULTIPROCESSING_API void* data_of(const Link& link);
[[nodiscard]] MULTIPROCESSING_API std::span<Link> links_of(const Link& link);

}  // namespace multiprocessing::detail
