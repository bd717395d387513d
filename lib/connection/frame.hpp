// Frames: how messages lie one behind the other in a stream. CPython's form.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Written by stores as wide as the loads that take it on: single bytes are slow to be read whole.
template <class Number>
Number big_endian(Number number) {
  if constexpr (std::endian::native == std::endian::big) return number;
  if constexpr (sizeof number == 4) return __builtin_bswap32(number);
  return __builtin_bswap64(number);
}

/// The number that was written there so.
template <class Number>
Number number_at(const unsigned char* place) {
  Number number;
  std::memcpy(&number, place, sizeof number);
  return big_endian(number);
}

inline constexpr std::size_t longest_header = 12;

/// What stands before a message: its length in 4 bytes, or -1 and the length in 8; big-endian.
struct FrameHeader {
  std::array<unsigned char, longest_header> bytes;
  std::size_t size;

  static constexpr std::size_t short_size = 4;
  static constexpr std::size_t long_size = longest_header;
  static constexpr std::uint64_t longest_short = 0x7fffffff;
  static constexpr std::uint64_t long_mark = 0xffffffff;
};

[[nodiscard]] inline FrameHeader make_header(std::uint64_t message_size) {
  FrameHeader header;
  const bool is_short = message_size <= FrameHeader::longest_short;
  header.size = is_short ? FrameHeader::short_size : FrameHeader::long_size;
  const auto first =
      big_endian(static_cast<std::uint32_t>(is_short ? message_size : FrameHeader::long_mark));
  std::memcpy(header.bytes.data(), &first, sizeof first);
  if (is_short) return header;
  const std::uint64_t length = big_endian(message_size);
  std::memcpy(header.bytes.data() + sizeof first, &length, sizeof length);
  return header;
}

struct ParsedHeader {
  std::size_t header_size;
  std::uint64_t message_size;
};

/// Reads a header from the beginning of a stream; nothing when more of it is needed. Throws OSError
/// for a negative length, which CPython would take for an empty message, and for one that no memory
/// could hold.
[[nodiscard]] MULTIPROCESSING_API std::optional<ParsedHeader> parse_header(
    std::span<const unsigned char> beginning);

/// The message in a packet that holds a short header and the whole of it, and nothing else.
[[nodiscard]] inline std::optional<std::string_view> whole_message(
    std::span<const unsigned char> packet) {
  constexpr std::size_t size = FrameHeader::short_size;
  if (packet.size() < size) return std::nullopt;
  const std::size_t length = number_at<std::uint32_t>(packet.data());
  if (length != packet.size() - size) return std::nullopt;
  return std::string_view{reinterpret_cast<const char*>(packet.data()) + size, length};
}

/// A packet of a ring that stands for a large message, which lies in a parcel beside the ring. It
/// begins with a length that no message has.
struct ParcelPacket {
  static constexpr std::uint32_t this_mark = 0xfefefefe;
  std::uint32_t mark = this_mark;
  std::uint32_t number = 0;  // of the parcel
  std::uint64_t size = 0;    // of the message

  /// What a message begins with, if that is one.
  [[nodiscard]] static std::optional<ParcelPacket> in(std::span<const unsigned char> packet) {
    ParcelPacket parcel;
    if (packet.size() != sizeof parcel) return std::nullopt;
    std::memcpy(&parcel, packet.data(), sizeof parcel);
    if (parcel.mark != this_mark) return std::nullopt;
    return parcel;
  }
};

[[noreturn]] MULTIPROCESSING_API void throw_bad_length();

}  // namespace multiprocessing::detail
