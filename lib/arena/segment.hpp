// The arena as this process has it mapped.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <mutex>

#include "arena/layout.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// What a descriptor names, for programs that close descriptors they did not open and get the same
/// numbers again for files of theirs.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};
[[nodiscard]] inline FileId file_of(int fd) {
  struct stat seen {};
  return fstat(fd, &seen) == 0 ? FileId{seen.st_dev, seen.st_ino} : FileId{};
}
[[nodiscard]] inline bool names_file(int fd, const FileId& file) { return file_of(fd) == file; }

/// Addresses of the tables. Set once per process, before any other thread sees it; a fork child
/// inherits it with its mapping. The header, the states, the slots and the two tables of windows
/// are always mapped; chunks and their tables as far as windows.hpp says.
struct Segment {
  std::byte* base = nullptr;
  Header* header = nullptr;
  std::atomic<std::uint64_t>* states = nullptr;  // a StateWord per slot
  Slot* slots = nullptr;
  std::atomic<std::uint64_t>* window_words = nullptr;  // a ChunkWord per window, of large objects
  Link* window_owners = nullptr;                       // an OwnerWord per window
  std::atomic<std::uint64_t>* chunk_words = nullptr;   // a ChunkWord per chunk
  std::atomic<std::int32_t>* used = nullptr;  // blocks in use per chunk: a hint, see heap.hpp
  Link* owners = nullptr;                     // an OwnerWord per smallest block
  std::byte* chunks = nullptr;
  int arena_fd = -1;
  int family_fd = -1;  // its record locks tell which members live; never dup'ed, never closed
  int bequest_fd = -1;
  FileId arena_file;  // what the three were when they were opened
  FileId family_file;
  FileId bequest_file;

  [[nodiscard]] std::uint64_t offset_of(const void* address) const {
    return static_cast<std::uint64_t>(static_cast<const std::byte*>(address) - base);
  }
  /// What this process is known to have mapped.
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
  [[nodiscard]] std::uint64_t window_offset(std::uint64_t window) const {
    return chunk_offset(window * window_chunks);
  }
  [[nodiscard]] std::uint64_t window_of(std::uint64_t offset) const {
    return (offset - offset_of(chunks)) / window_bytes;
  }
  [[nodiscard]] Link& owner_word(std::uint64_t chunk, std::uint64_t index) const {
    return owners[chunk * words_per_chunk + index];
  }
  [[nodiscard]] Borders borders() const {
    return Borders::from(header->borders.load(std::memory_order_acquire));
  }
  /// Whether the block at `offset` is a large object, in windows of its own.
  [[nodiscard]] bool is_in_windows(std::uint64_t offset) const {
    return window_of(offset) >= borders().high;
  }
};

/// Null while this process has none. Set once, by attach_segment.
MULTIPROCESSING_API extern std::atomic<const Segment*> current_segment;

/// The segment, or null while this process has none.
[[nodiscard]] inline const Segment* segment_if_any() {
  return current_segment.load(std::memory_order_acquire);
}

/// Held while it is made or found; taken before the ledger mutex.
[[nodiscard]] std::mutex& attach_mutex();

/// Finds it through the birth descriptor of a spawned child, else makes a new one. Throws.
MULTIPROCESSING_API const Segment& attach_segment();

/// The segment; attached now if this process has none yet.
[[nodiscard]] inline const Segment& segment() {
  if (const Segment* segment = segment_if_any()) [[likely]]
    return *segment;
  return attach_segment();
}

}  // namespace multiprocessing::detail
