// The arena as this process has it mapped.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "arena/layout.hpp"

namespace multiprocessing::detail {

/// What a descriptor names, for programs that close descriptors they did not open and get the same
/// numbers again for files of theirs.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};
[[nodiscard]] FileId file_of(int fd);
[[nodiscard]] inline bool names_file(int fd, const FileId& file) { return file_of(fd) == file; }

/// Addresses of the tables. Set once per process, before any other thread sees it; a fork child
/// inherits it with its mapping.
struct Segment {
  std::byte* base = nullptr;
  std::size_t size = 0;
  Header* header = nullptr;
  std::atomic<std::uint64_t>* states = nullptr;  // a StateWord per slot
  Slot* slots = nullptr;
  std::atomic<std::uint64_t>* chunk_words = nullptr;  // a ChunkWord per chunk
  std::atomic<std::int32_t>* used = nullptr;  // blocks in use per chunk: a hint, see heap.hpp
  Link* owners = nullptr;                     // an OwnerWord per smallest block
  std::byte* chunks = nullptr;
  int arena_fd = -1;
  int family_fd = -1;  // its record locks say who lives; never dup'ed, never closed
  int bequest_fd = -1;
  FileId arena_file;  // what the three were when they were opened
  FileId family_file;
  FileId bequest_file;

  [[nodiscard]] std::uint64_t offset_of(const void* address) const {
    return static_cast<std::uint64_t>(static_cast<const std::byte*>(address) - base);
  }
  template <class T>
  [[nodiscard]] T* at(std::uint64_t offset) const {
    return reinterpret_cast<T*>(base + offset);
  }
  [[nodiscard]] std::uint64_t chunk_offset(std::uint64_t chunk) const {
    return offset_of(chunks) + chunk * chunk_bytes;
  }
  [[nodiscard]] std::uint64_t chunk_of(std::uint64_t offset) const {
    return (offset - offset_of(chunks)) / chunk_bytes;
  }
  [[nodiscard]] Link& owner_word(std::uint64_t chunk, std::uint64_t index) const {
    return owners[chunk * words_per_chunk + index];
  }
};

/// Null while this process has none. Set once, by attach_segment.
extern std::atomic<const Segment*> current_segment;

/// The segment, or null while this process has none.
[[nodiscard]] inline const Segment* segment_if_any() {
  return current_segment.load(std::memory_order_acquire);
}

/// Finds it through the birth descriptor of a spawned child, else makes a new one. Throws.
const Segment& attach_segment();

/// The segment; attached now if this process has none yet.
[[nodiscard]] inline const Segment& segment() {
  if (const Segment* segment = segment_if_any()) [[likely]]
    return *segment;
  return attach_segment();
}

/// Makes a new one or maps the one at `address`; for the functions above.
[[nodiscard]] Segment make_segment();
[[nodiscard]] Segment map_segment(const ArenaAddress& address);

}  // namespace multiprocessing::detail
