#include "pickle/text.hpp"

#include <algorithm>
#include <cstdint>

namespace multiprocessing::detail {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; }

/// Bytes of the sequence that begins with this one; 0 where none does.
std::size_t length_from(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;  // a continuation, or an overlong form
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

char32_t decode(const char* at, std::size_t length) {
  const auto first = static_cast<unsigned char>(*at);
  if (length == 1) return first;
  char32_t character = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i)
    character = (character << 6U) | (static_cast<unsigned char>(at[i]) & 0x3fU);
  return character;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = length_from(static_cast<unsigned char>(text[at]));
    if (length == 1) {
      ++at;
      continue;
    }
    if (length == 0 || text.size() - at < length) return false;
    for (std::size_t i = 1; i < length; ++i)
      if (!is_continuation(text[at + i])) return false;
    const char32_t character = decode(text.data() + at, length);
    if (character < least[length] || character > 0x10ffff) return false;
    at += length;
  }
  return true;
}

std::size_t count_characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

char32_t take_character(std::string_view& text) noexcept {
  const std::size_t length = length_from(static_cast<unsigned char>(text.front()));
  const char32_t character = decode(text.data(), length);
  text.remove_prefix(length);
  return character;
}

void append_character(std::string& text, char32_t character) {
  const auto rest = [&](unsigned shift) {
    text += static_cast<char>(0x80U | ((character >> shift) & 0x3fU));
  };
  if (character < 0x80) {
    text += static_cast<char>(character);
  } else if (character < 0x800) {
    text += static_cast<char>(0xc0U | (character >> 6U));
    rest(0);
  } else if (character < 0x10000) {
    text += static_cast<char>(0xe0U | (character >> 12U));
    rest(6), rest(0);
  } else {
    text += static_cast<char>(0xf0U | (character >> 18U));
    rest(12), rest(6), rest(0);
  }
}

}  // namespace multiprocessing::detail
