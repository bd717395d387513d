// Stream: reading and writing what may be a socket or a pipe, without signals and in time.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "base/unique_fd.hpp"
#include "connection/ring.hpp"

namespace multiprocessing::detail {

/// A descriptor for the length of one call, and what is known about it.
struct Stream {
  int fd;
  bool is_socket;
  bool is_packets;  // what one call sends, one call receives, whole or not at all
};

/// How much one packet holds at most. It should fit into the buffer of a socket several times, and
/// with its header into half a ring.
inline constexpr std::size_t packet_size = ring_bytes / 2 - 8;

/// The beginning of the pieces, `most` bytes of it.
using Pieces = std::array<iovec, 4>;
[[nodiscard]] std::span<const iovec> cut(std::span<const iovec> pieces, std::size_t most,
                                         Pieces& fitting);

[[nodiscard]] inline iovec piece_of(const void* data, std::size_t size) {
  return {const_cast<void*>(data), size};
}

/// Whether the descriptor is that of a socket, or of one that passes descriptors. Of a bad one: no.
[[nodiscard]] bool is_socket(int fd);
[[nodiscard]] bool is_unix_socket(int fd);
[[nodiscard]] bool is_packet_socket(int fd);

/// How much could be written, at least 1; waits for it. Throws OSError, BrokenPipeError. What goes
/// along is attached to the first byte.
[[nodiscard]] std::size_t write_some(Stream stream, std::span<const iovec> pieces,
                                     std::span<const int> descriptors);

/// What a read may say: a number of bytes, end-of-file, or that nothing is there now.
enum class ReadResult { some, end, nothing };
struct Read {
  ReadResult result;
  std::size_t size = 0;
};

/// Reads from what is readable, or from a socket, and then without waiting unless `wait`; an
/// interruption is nothing. Of a packet that is longer than the room it throws OSError.
[[nodiscard]] Read read_some(Stream stream, const iovec& piece, bool wait = false);

/// The same, without waiting, with the descriptors that come along; the caller holds the gate.
[[nodiscard]] Read read_some(Stream stream, const iovec& piece, std::vector<UniqueFd>& descriptors);

}  // namespace multiprocessing::detail
