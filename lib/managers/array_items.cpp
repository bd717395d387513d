#include "managers/array_items.hpp"

#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "managers/python_values.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/mapping.hpp"
#include "pickle/array.hpp"
#include "pickle/integers.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {
namespace {

template <class T>
std::string bytes_of(T item) {
  return {reinterpret_cast<const char*>(&item), sizeof item};
}

/// Throws as PyArg_Parse does for a value beyond `T`, of which messages have a name.
template <class T>
void check_range(std::int64_t value, const std::string& named) {
  if (std::in_range<T>(value)) return;
  throw OverflowError(named + (value < 0 ? " is less than minimum" : " is greater than maximum"));
}

std::int64_t as_long(const Object& value) {
  return integer_of(value, "OverflowError", "Python int too large to convert to C long");
}

/// Small types are read as a larger one first.
template <class T, class Read>
std::string small_item(const Object& value, const std::string& named, const std::string& read) {
  const std::int64_t number = as_long(value);
  check_range<Read>(number, read);
  check_range<T>(number, named);
  return bytes_of(static_cast<T>(number));
}

bool is_negative(const Object& integer) { return clamped(integer) < 0; }

std::string natural_item(const Object& value, bool is_long) {
  if (!is_int(value)) (void)integer_of(value);
  if (is_negative(value)) throw OverflowError("can't convert negative value to unsigned int");
  const auto number = ObjectParts::natural(value);
  if (!number) throw OverflowError("Python int too large to convert to C unsigned long");
  if (is_long) return bytes_of<unsigned long>(*number);
  if (*number > std::numeric_limits<unsigned>::max())
    throw OverflowError("unsigned int is greater than maximum");
  return bytes_of(static_cast<unsigned>(*number));
}

std::string natural_long_long(const Object& value) {
  if (!is_int(value)) (void)integer_of(value);
  if (is_negative(value)) throw OverflowError("can't convert negative int to unsigned");
  const auto number = ObjectParts::natural(value);
  if (!number) throw OverflowError("int too big to convert");
  return bytes_of<unsigned long long>(*number);
}

double real_item(const Object& value) {
  if (const auto real = ObjectParts::real(value)) return *real;
  if (is_int(value)) throw OverflowError("int too large to convert to float");
  throw TypeError("must be real number, not " + type_name(value));
}

std::string character_item(const Object& value) {
  if (ObjectParts::text(value) == nullptr || value.size() != 1)
    throw TypeError("array item must be unicode character");
  std::string_view text = *ObjectParts::text(value);
  const auto first = static_cast<unsigned char>(text.front());
  char32_t character = first;
  if (first >= 0xf0)
    character = first & 0x07U;
  else if (first >= 0xe0)
    character = first & 0x0fU;
  else if (first >= 0x80)
    character = first & 0x1fU;
  for (const char c : text.substr(1))
    character = (character << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
  return bytes_of(character);
}

}  // namespace

void throw_no_character() { throw ValueError("character is not in range [U+0000; U+10ffff]"); }

std::size_t item_size(char typecode) {
  switch (typecode) {
    case 'b':
    case 'B':
      return 1;
    case 'h':
    case 'H':
      return sizeof(short);
    case 'i':
    case 'I':
      return sizeof(int);
    case 'f':
      return sizeof(float);
    case 'u':
      return sizeof(char32_t);
    case 'l':
    case 'L':
    case 'q':
    case 'Q':
    case 'd':
      return sizeof(std::int64_t);
    default:
      throw ValueError("bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)");
  }
}

std::string item_bytes(char typecode, const Object& value) {
  switch (typecode) {
    case 'b':
      return small_item<signed char, short>(value, "signed char", "signed short integer");
    case 'B':
      return small_item<unsigned char, std::int64_t>(value, "unsigned byte integer", "");
    case 'h':
      return small_item<short, short>(value, "signed short integer", "signed short integer");
    case 'H':
      return small_item<unsigned short, int>(value, "unsigned short", "signed integer");
    case 'i':
      return small_item<int, int>(value, "signed integer", "signed integer");
    case 'l':
      return bytes_of<long>(as_long(value));
    case 'q':
      return bytes_of<long long>(integer_of(value, "OverflowError", "int too big to convert"));
    case 'I':
    case 'L':
      return natural_item(value, typecode == 'L');
    case 'Q':
      return natural_long_long(value);
    case 'f':
      return bytes_of(static_cast<float>(real_item(value)));
    case 'd':
      return bytes_of(real_item(value));
    default:
      return character_item(value);
  }
}

Object item_value(char typecode, std::string_view bytes) {
  const auto items = array_items(typecode, bytes);
  if (!items || items->empty()) throw_no_character();
  return items->front();
}

}  // namespace multiprocessing::detail
