#include "connection/frame.hpp"

#include <cerrno>
#include <limits>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

constexpr auto longest = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max());

}  // namespace

std::optional<ParsedHeader> parse_header(std::span<const unsigned char> beginning) {
  constexpr std::size_t short_size = FrameHeader::short_size;
  if (beginning.size() < short_size) return std::nullopt;
  const auto number = number_at<std::uint32_t>(beginning.data());
  if (number <= FrameHeader::longest_short) return ParsedHeader{short_size, number};
  if (number != FrameHeader::long_mark) throw_bad_length();
  if (beginning.size() < FrameHeader::long_size) return std::nullopt;
  const auto size = number_at<std::uint64_t>(beginning.data() + short_size);
  if (size > longest) throw_bad_length();
  return ParsedHeader{FrameHeader::long_size, size};
}

void throw_bad_length() { throw_os_error(EMSGSIZE, "bad message length"); }

}  // namespace multiprocessing::detail
