#include "connection/frame.hpp"

#include <cerrno>
#include <limits>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t short_size = FrameHeader::short_size;
constexpr std::size_t long_size = FrameHeader::long_size;
constexpr auto longest = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max());

std::uint64_t big_endian(std::span<const unsigned char> bytes) {
  std::uint64_t number = 0;
  for (const unsigned char byte : bytes) number = number << 8 | byte;
  return number;
}

}  // namespace

std::optional<ParsedHeader> parse_header(std::span<const unsigned char> beginning) {
  if (beginning.size() < short_size) return std::nullopt;
  const std::uint64_t number = big_endian(beginning.first(short_size));
  if (number <= FrameHeader::longest_short) return ParsedHeader{short_size, number};
  if (number != FrameHeader::long_mark) throw_bad_length();
  if (beginning.size() < long_size) return std::nullopt;
  const std::uint64_t size = big_endian(beginning.subspan(short_size, long_size - short_size));
  if (size > longest) throw_bad_length();
  return ParsedHeader{long_size, size};
}

void throw_bad_length() { throw_os_error(EMSGSIZE, "bad message length"); }

}  // namespace multiprocessing::detail
