#include "connection/frame.hpp"

#include <cerrno>
#include <limits>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t short_size = 4;
constexpr std::size_t long_size = 12;
constexpr std::uint64_t longest_short = 0x7fffffff;
constexpr std::uint64_t long_mark = 0xffffffff;
constexpr auto longest = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max());

std::uint64_t big_endian(std::span<const unsigned char> bytes) {
  std::uint64_t number = 0;
  for (const unsigned char byte : bytes) number = number << 8 | byte;
  return number;
}

void put_big_endian(std::span<unsigned char> into, std::uint64_t number) {
  for (std::size_t i = into.size(); i-- > 0; number >>= 8)
    into[i] = static_cast<unsigned char>(number);
}

}  // namespace

FrameHeader make_header(std::uint64_t message_size) {
  FrameHeader header{};
  const std::span bytes{header.bytes};
  const bool is_short = message_size <= longest_short;
  put_big_endian(bytes.first(short_size), is_short ? message_size : long_mark);
  if (!is_short) put_big_endian(bytes.subspan(short_size), message_size);
  header.size = is_short ? short_size : long_size;
  return header;
}

std::optional<ParsedHeader> parse_header(std::span<const unsigned char> beginning) {
  if (beginning.size() < short_size) return std::nullopt;
  const std::uint64_t number = big_endian(beginning.first(short_size));
  if (number <= longest_short) return ParsedHeader{short_size, number};
  if (number != long_mark) throw_bad_length();
  if (beginning.size() < long_size) return std::nullopt;
  const std::uint64_t size = big_endian(beginning.subspan(short_size, long_size - short_size));
  if (size > longest) throw_bad_length();
  return ParsedHeader{long_size, size};
}

void throw_bad_length() { throw_os_error(EMSGSIZE, "bad message length"); }

}  // namespace multiprocessing::detail
