#include "monitor/printable.hpp"

#include <cstddef>
#include <cstdint>

namespace multiprocessing::detail {
namespace {

struct Lead {
  std::size_t length;      // of the whole character; 0: no byte to begin with
  std::uint32_t bits;      // that the first byte gives
  std::uint32_t smallest;  // code point of this length: longer forms of others are not valid
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, byte, 0};
  if (byte >= 0xc2 && byte < 0xe0) return {2, byte & 0x1fU, 0x80};
  if (byte >= 0xe0 && byte < 0xf0) return {3, byte & 0x0fU, 0x800};
  if (byte >= 0xf0 && byte < 0xf5) return {4, byte & 0x07U, 0x10000};
  return {0, 0, 0};
}

/// How many bytes at the beginning are one character that may be shown; 0 when there is none.
std::size_t shown(std::string_view text) {
  const auto [length, bits, smallest] = lead_of(static_cast<unsigned char>(text[0]));
  if (length == 0 || length > text.size()) return 0;
  std::uint32_t code = bits;
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0U) != 0x80) return 0;
    code = code << 6 | (byte & 0x3fU);
  }
  const bool valid = code >= smallest && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  return valid && !control ? length : 0;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = shown(text);
    if (length == 0)
      result += '?';
    else
      result += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

}  // namespace multiprocessing::detail
