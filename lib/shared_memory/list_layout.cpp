#include "shared_memory/list_layout.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::string_view bool_format = "xxxxxxx?";
constexpr std::string_view none_format = "xxxxxx?x";
constexpr std::size_t longest_room = 9'999'999;  // that seven digits and an "s" can tell
constexpr std::size_t word = 8;

const std::string* text_of(const Item& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text;
  return std::get_if<Bytes>(&value);
}

std::uint64_t word_at(std::span<const std::byte> memory, std::size_t index) {
  std::uint64_t value = 0;
  std::memcpy(&value, memory.data() + index * word, word);
  return value;
}

void put_word(std::span<std::byte> memory, std::size_t index, std::uint64_t value) {
  std::memcpy(memory.data() + index * word, &value, word);
}

std::string text_format(std::size_t room) { return std::to_string(room) + 's'; }

/// The number before the "s"; npos when that is no format of text.
std::size_t text_size(std::string_view format) {
  std::size_t size = 0;
  const char* end = format.data() + format.size();
  const auto [rest, error] = std::from_chars(format.data(), end, size);
  const bool whole = error == std::errc{} && rest + 1 == end && *rest == 's';
  return whole ? size : std::string_view::npos;
}

[[noreturn]] void throw_no_list(const std::string& why) {
  throw ValueError("the block of shared memory holds no ShareableList: " + why);
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "CPython writes native words");

std::size_t room_for(const Item& value) {
  const std::string* text = text_of(value);
  return text == nullptr ? word : word * (text->size() / word + 1);
}

std::size_t bytes_for(std::span<const Item> items) {
  std::size_t bytes = word * (items.size() + 2) + (format_size + 1) * items.size();
  for (const Item& item : items) {
    if (room_for(item) > longest_room)
      throw ValueError("an item of a ShareableList has at most " + std::to_string(longest_room) +
                       " bytes");
    bytes += room_for(item);
  }
  return bytes;
}

void write_list(std::span<std::byte> memory, std::span<const Item> items) {
  const std::size_t start = word * (items.size() + 2);
  put_word(memory, 0, items.size());
  std::size_t offset = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    put_word(memory, i + 1, offset);
    offset += room_for(items[i]);
  }
  put_word(memory, items.size() + 1, offset);
  std::byte* formats = memory.data() + start + offset;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t room = room_for(items[i]);
    const ItemForm form = form_for(items[i], room, "");
    write_item(memory.subspan(start + word_at(memory, i + 1), room), items[i], form);
    std::memcpy(formats + i * format_size, form.format.data(), form.format.size());
    formats[items.size() * format_size + i] = form.code;
  }
}

ItemForm form_for(const Item& value, std::size_t room, std::string_view now) {
  if (std::holds_alternative<std::int64_t>(value)) return {"q", std::byte{0}};
  if (std::holds_alternative<double>(value)) return {"d", std::byte{0}};
  if (std::holds_alternative<bool>(value)) return {std::string{bool_format}, std::byte{0}};
  const std::string* text = text_of(value);
  if (text == nullptr) return {std::string{none_format}, std::byte{3}};
  if (text->size() > room)
    throw ValueError("bytes/str item exceeds available storage: it has " +
                     std::to_string(text->size()) + " bytes, its place " + std::to_string(room));
  const std::size_t size_now = text_size(now);
  const bool stays = size_now != std::string_view::npos && size_now >= text->size();
  return {stays ? std::string{now} : text_format(room),
          std::holds_alternative<Bytes>(value) ? std::byte{2} : std::byte{1}};
}

void write_item(std::span<std::byte> slot, const Item& value, const ItemForm& form) {
  std::byte* at = slot.data();
  if (const std::string* text = text_of(value)) {
    std::memset(at, 0, text_size(form.format));
    std::memcpy(at, text->data(), text->size());
    return;
  }
  std::memset(at, 0, word);
  if (const auto* number = std::get_if<std::int64_t>(&value)) std::memcpy(at, number, word);
  if (const auto* number = std::get_if<double>(&value)) std::memcpy(at, number, word);
  if (const auto* flag = std::get_if<bool>(&value)) at[word - 1] = std::byte{*flag};
}

Item read_item(std::span<const std::byte> slot, const ItemForm& form) {
  if (form.code == std::byte{3}) return std::monostate{};
  if (const std::size_t size = text_size(form.format);
      size <= slot.size() && (form.code == std::byte{1} || form.code == std::byte{2})) {
    std::string_view text{reinterpret_cast<const char*>(slot.data()), size};
    while (text.ends_with('\0')) text.remove_suffix(1);
    if (form.code == std::byte{1}) return std::string{text};
    return Bytes{text};
  }
  std::int64_t number = 0;
  std::memcpy(&number, slot.data(), word);
  if (form.code == std::byte{0} && form.format == "q") return number;
  if (form.code == std::byte{0} && form.format == "d") return std::bit_cast<double>(number);
  if (form.code == std::byte{0} && form.format == bool_format)
    return slot[word - 1] != std::byte{0};
  throw_no_list("an item has the format '" + form.format + "' and the code " +
                std::to_string(std::to_integer<int>(form.code)));
}

ListShape read_shape(std::span<const std::byte> memory) {
  if (memory.size() < word) throw_no_list("it has fewer than 8 bytes");
  const std::uint64_t count = word_at(memory, 0);
  if (count > memory.size() / (2 * word)) throw_no_list("it is too small for its number of items");
  ListShape shape;
  // CPython 3.8 wrote the items' sizes where later ones write their offsets; the first is then 8 or
  // more instead of 0.
  const bool sizes = count > 0 ? word_at(memory, 1) != 0 : memory.size() < 2 * word;
  const std::size_t start = word * (count + (sizes ? 1 : 2));
  const std::size_t tail = (format_size + 1) * count;
  if (start + tail > memory.size()) throw_no_list("it is too small for its number of items");
  const std::size_t most = memory.size() - start - tail;
  std::size_t at = 0;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::uint64_t next = sizes ? at + std::min(word_at(memory, i), std::uint64_t{most} + word)
                                     : word_at(memory, i + 1);
    if ((!sizes && word_at(memory, i) != at) || next < at + word || next > most || next % word != 0)
      throw_no_list("item " + std::to_string(i - 1) + " lies outside of it");
    shape.offsets.push_back(start + at);
    at = next;
  }
  shape.end = start + at;
  return shape;
}

}  // namespace multiprocessing::detail
