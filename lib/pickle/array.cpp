#include "pickle/array.hpp"

#include <cstring>
#include <type_traits>

#include "pickle/text.hpp"

namespace multiprocessing::detail {
namespace {

template <class T>
std::optional<std::vector<Object>> items_of(std::string_view bytes) {
  if (bytes.size() % sizeof(T) != 0) return std::nullopt;
  std::vector<Object> items;
  items.reserve(bytes.size() / sizeof(T));
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T item;
    std::memcpy(&item, bytes.data() + at, sizeof item);
    if constexpr (std::is_same_v<T, char32_t>) {
      if (item > 0x10ffff) return std::nullopt;
      std::string text;
      append_character(text, item);
      items.emplace_back(std::move(text));
    } else {
      items.emplace_back(item);
    }
  }
  return items;
}

}  // namespace

std::optional<std::vector<Object>> array_items(char typecode, std::string_view bytes) {
  switch (typecode) {
    case 'b':
      return items_of<signed char>(bytes);
    case 'B':
      return items_of<unsigned char>(bytes);
    case 'h':
      return items_of<short>(bytes);
    case 'H':
      return items_of<unsigned short>(bytes);
    case 'i':
      return items_of<int>(bytes);
    case 'I':
      return items_of<unsigned>(bytes);
    case 'l':
      return items_of<long>(bytes);
    case 'L':
      return items_of<unsigned long>(bytes);
    case 'q':
      return items_of<long long>(bytes);
    case 'Q':
      return items_of<unsigned long long>(bytes);
    case 'f':
      return items_of<float>(bytes);
    case 'd':
      return items_of<double>(bytes);
    case 'u':
    case 'w':
      return items_of<char32_t>(bytes);
    default:
      return std::nullopt;
  }
}

}  // namespace multiprocessing::detail
