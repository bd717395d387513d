#include "pickle/literals.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "multiprocessing/base/errors.hpp"
#include "pickle/integers.hpp"
#include "pickle/node.hpp"
#include "pickle/text.hpp"

namespace multiprocessing::detail {
namespace {

void check_size(std::size_t size, std::size_t max_bytes) {
  if (size > max_bytes)
    throw SerializationError("an int of " + std::to_string(size) + " bytes is longer than " +
                             std::to_string(max_bytes) + " (PickleOptions::max_int_bytes)");
}

Object read_digits(std::string_view digits, std::size_t max_bytes) {
  check_size(digits.size() / 5 * 2, max_bytes);  // a byte holds 2.4 digits
  const auto bytes = integer_from_digits(digits);
  if (!bytes) throw SerializationError("an int is not made of digits");
  return ObjectAccess::make_integer(*bytes);
}

/// Hexadecimal or octal digits at the front, exactly so many unless `fewer`.
std::optional<char32_t> take_number(std::string_view& text, std::size_t most, int base,
                                    bool fewer = false) {
  const std::size_t size = std::min(most, text.size());
  std::uint32_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + size, number, base).ptr;
  const auto taken = static_cast<std::size_t>(end - text.data());
  if (taken == 0 || (taken < most && !fewer)) return std::nullopt;
  text.remove_prefix(taken);
  return number;
}

[[noreturn]] void throw_bad_escape() {
  throw SerializationError("an escape in a text is malformed");
}

/// What follows a backslash in Python's string literals.
void append_escaped(std::string& text, std::string_view& rest) {
  constexpr std::string_view marks = "\\'\"abfnrtv";
  constexpr std::string_view meant = "\\'\"\a\b\f\n\r\t\v";
  if (rest.empty()) throw_bad_escape();
  const char mark = rest.front();
  if (const std::size_t found = marks.find(mark); found != std::string_view::npos) {
    rest.remove_prefix(1);
    text += meant[found];
    return;
  }
  std::optional<char32_t> byte;
  if (mark == 'x') {
    rest.remove_prefix(1);
    byte = take_number(rest, 2, 16);
    if (!byte) throw_bad_escape();
  } else {
    byte = take_number(rest, 3, 8, true);
  }
  if (byte) {
    text += static_cast<char>(*byte);
  } else {
    text += '\\';  // it stays as it is
  }
}

}  // namespace

Object read_int_line(std::string_view line, std::size_t max_bytes) {
  if (line == "00" || line == "01") return line == "01";
  return read_digits(line, max_bytes);
}

Object read_long_line(std::string_view line, std::size_t max_bytes) {
  if (line.ends_with('L')) line.remove_suffix(1);
  return read_digits(line, max_bytes);
}

Object read_float_line(std::string_view line) {
  double value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc{} || end != line.data() + line.size())
    throw SerializationError("a float is malformed");
  return value;
}

std::string read_unicode_line(std::string_view line) {
  std::string text;
  while (!line.empty()) {
    const auto byte = static_cast<unsigned char>(line.front());
    line.remove_prefix(1);
    const char mark = byte == '\\' && !line.empty() ? line.front() : '\0';
    if (mark == 'u' || mark == 'U') {
      line.remove_prefix(1);
      const auto character = take_number(line, mark == 'u' ? 4 : 8, 16);
      if (!character || *character > 0x10ffff) throw_bad_escape();
      append_character(text, *character);
    } else {
      append_character(text, byte);
    }
  }
  return text;
}

std::string read_string_line(std::string_view line) {
  const bool quoted = line.size() >= 2 && (line.front() == '\'' || line.front() == '"') &&
                      line.front() == line.back();
  if (!quoted) throw SerializationError("a text is not in quotes");
  line = line.substr(1, line.size() - 2);
  std::string text;
  while (!line.empty()) {
    const char c = line.front();
    line.remove_prefix(1);
    if (c == '\\') {
      append_escaped(text, line);
    } else {
      text += c;
    }
  }
  return read_ascii(text);
}

Object read_integer(std::string_view bytes, std::size_t max_bytes) {
  check_size(bytes.size(), max_bytes);
  return ObjectAccess::make_integer(bytes);
}

std::string read_ascii(std::string_view bytes) {
  const bool ascii = std::all_of(bytes.begin(), bytes.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (!ascii) throw SerializationError("a str of Python 2 is not ASCII");
  return std::string{bytes};
}

}  // namespace multiprocessing::detail
