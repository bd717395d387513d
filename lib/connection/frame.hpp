// Frames: how messages lie one behind the other in a stream. CPython's form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

inline constexpr std::size_t longest_header = 12;

/// What stands before a message: its length in 4 bytes, or -1 and the length in 8; big-endian.
struct FrameHeader {
  std::array<unsigned char, longest_header> bytes;
  std::size_t size;  // 4 or 12
};
[[nodiscard]] MULTIPROCESSING_API FrameHeader make_header(std::uint64_t message_size);

struct ParsedHeader {
  std::size_t header_size;
  std::uint64_t message_size;
};

/// Reads a header from the beginning of a stream; nothing when more of it is needed. Throws OSError
/// for a negative length, which CPython would take for an empty message, and for one that no memory
/// could hold.
[[nodiscard]] MULTIPROCESSING_API std::optional<ParsedHeader> parse_header(
    std::span<const unsigned char> beginning);

[[noreturn]] MULTIPROCESSING_API void throw_bad_length();

}  // namespace multiprocessing::detail
