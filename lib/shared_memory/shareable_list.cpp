#include "multiprocessing/shared_memory/shareable_list.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstring>

#include "shared_memory/list_layout.hpp"

namespace multiprocessing {
namespace {

std::string_view format_text(const std::byte* at) {
  const char* text = reinterpret_cast<const char*>(at);
  return {text, strnlen(text, detail::format_size)};
}

/// As Python writes it.
std::string quoted(const std::string& text, const char* prefix) {
  std::string out = std::string{prefix} + '\'';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\') out += '\\';
    if (byte >= 0x20 && (byte < 0x7f || *prefix == '\0')) {
      out += c;
    } else {
      out += {'\\', 'x', "0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U]};
    }
  }
  return out + '\'';
}

struct Repr {
  std::string operator()(std::monostate) const { return "None"; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const {
    if (std::isnan(number)) return "nan";
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    const std::string shown{text.data(), end};
    const bool plain = shown.find_first_not_of("-0123456789") == std::string::npos;
    return plain ? shown + ".0" : shown;
  }
  std::string operator()(bool flag) const { return flag ? "True" : "False"; }
  std::string operator()(const std::string& text) const { return quoted(text, ""); }
  std::string operator()(const Bytes& bytes) const { return quoted(bytes, "b"); }
};

}  // namespace

ShareableList::ShareableList(std::initializer_list<Item> items)
    : ShareableList(std::span<const Item>{items.begin(), items.size()}) {}

ShareableList::ShareableList(std::initializer_list<Item> items, const ShareableListOptions& options)
    : ShareableList(std::span<const Item>{items.begin(), items.size()}, options) {}

ShareableList::ShareableList(std::span<const Item> items, const ShareableListOptions& options)
    : shm_({.create = true, .size = detail::bytes_for(items), .name = options.name},
           [&](std::span<std::byte> memory) { detail::write_list(memory, items); }) {
  find_items();
}

ShareableList::ShareableList(const ShareableListOptions& options)
    : shm_(SharedMemoryOptions{.name = options.name}) {
  find_items();
}

void ShareableList::find_items() {
  detail::ListShape shape = detail::read_shape(shm_.buf());
  offsets_ = std::move(shape.offsets);
  end_ = shape.end;
}

void ShareableList::find_items_if_any() {
  offsets_.clear();
  if (!shm_.name().empty()) find_items();
}

std::size_t ShareableList::checked(std::ptrdiff_t index, const char* text) const {
  const auto length = static_cast<std::ptrdiff_t>(size());
  const std::ptrdiff_t at = index < 0 ? index + length : index;
  if (at < 0 || at >= length)
    throw IndexError(text + (": " + std::to_string(index)) + " of " + std::to_string(length));
  return static_cast<std::size_t>(at);
}

std::span<std::byte> ShareableList::slot(std::size_t index) const {
  const std::size_t end = index + 1 < offsets_.size() ? offsets_[index + 1] : end_;
  return shm_.buf().subspan(offsets_[index], end - offsets_[index]);
}

std::byte* ShareableList::format_at(std::size_t index) const {
  return shm_.buf().data() + end_ + index * detail::format_size;
}

std::byte& ShareableList::code_at(std::size_t index) const {
  return shm_.buf()[end_ + size() * detail::format_size + index];
}

ShareableList::Item ShareableList::at(std::ptrdiff_t index) const {
  const std::size_t i = checked(index, "index out of range");
  // Copied first: another process may change it between the checks and the use.
  std::array<std::byte, detail::format_size> format{};
  std::memcpy(format.data(), format_at(i), format.size());
  return detail::read_item(slot(i), {std::string{format_text(format.data())}, code_at(i)});
}

void ShareableList::set(std::ptrdiff_t index, const Item& value) const {
  const std::size_t i = checked(index, "assignment index out of range");
  const std::span<std::byte> room = slot(i);
  std::string now{format_text(format_at(i))};
  // A format that another program damaged is not believed to fit.
  if (now.ends_with('s') && std::strtoul(now.c_str(), nullptr, 10) > room.size()) now.clear();
  detail::ItemForm form = detail::form_for(value, room.size(), now);
  detail::write_item(room, value, form);
  form.format.resize(detail::format_size);
  std::memcpy(format_at(i), form.format.data(), detail::format_size);
  code_at(i) = form.code;
}

std::vector<ShareableList::Item> ShareableList::items() const {
  std::vector<Item> all;
  for (std::size_t i = 0; i < size(); ++i) all.push_back(at(static_cast<std::ptrdiff_t>(i)));
  return all;
}

std::size_t ShareableList::count(const Item& value) const {
  const std::vector<Item> all = items();
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), value));
}

std::size_t ShareableList::index(const Item& value) const {
  const std::vector<Item> all = items();
  const auto found = std::find(all.begin(), all.end(), value);
  if (found == all.end())
    throw ValueError(std::visit(Repr{}, value) + " not in this ShareableList");
  return static_cast<std::size_t>(found - all.begin());
}

std::string ShareableList::format() const {
  std::string all;
  for (std::size_t i = 0; i < size(); ++i) all += format_text(format_at(i));
  return all;
}

void ShareableList::throw_holds_something_else(std::ptrdiff_t index) {
  throw ValueError("item " + std::to_string(index) + " of the ShareableList is of another type");
}

std::string to_string(const ShareableList& list) {
  std::string text = "ShareableList([";
  const char* between = "";
  for (const ShareableList::Item& item : list.items()) {
    text += between + std::visit(Repr{}, item);
    between = ", ";
  }
  return text + "], name='" + list.shm().name() + "')";
}

}  // namespace multiprocessing
