// Stream: reading and writing what may be a socket or a pipe, without signals and in time.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <vector>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"

namespace multiprocessing::detail {

/// A descriptor for the length of one call, and what is known about it.
struct Stream {
  int fd;
  bool is_socket;
};

/// Whether the descriptor is that of a socket, or of one that passes descriptors. Of a bad one: no.
[[nodiscard]] bool is_socket(int fd);
[[nodiscard]] bool is_unix_socket(int fd);

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

/// Reads without waiting; a pipe must be known to be readable.
[[nodiscard]] Read read_some(Stream stream, std::span<const iovec> pieces);

/// The same from a socket, with the descriptors that come along; the caller holds the gate.
[[nodiscard]] Read read_some(Stream stream, std::span<const iovec> pieces,
                             std::vector<UniqueFd>& descriptors);

/// The first bytes in a socket, which stay there. Waits if `deadline` is never.
[[nodiscard]] Read peek(Stream stream, std::span<unsigned char> into, const Deadline& deadline);

}  // namespace multiprocessing::detail
