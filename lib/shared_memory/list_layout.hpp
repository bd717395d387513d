// How CPython lays a ShareableList out: words, then the items, then formats and codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/shared_memory/shareable_list.hpp"

namespace multiprocessing::detail {

using Item = ShareableList::Item;

inline constexpr std::size_t format_size = 8;

/// How the bytes of an item are to be read.
struct ItemForm {
  std::string format;
  std::byte code;  // 0: the format says it all; 1: str; 2: bytes; 3: None
};

/// The room that a value takes in a new list: by bytes, where CPython counts characters and cuts.
[[nodiscard]] std::size_t room_for(const Item& value);

/// Of the whole list. Throws ValueError for text that is too long for a format.
[[nodiscard]] std::size_t bytes_for(std::span<const Item> items);

/// Fills new, zeroed memory.
void write_list(std::span<std::byte> memory, std::span<const Item> items);

/// How the value is stored in a slot with that room and, until now, the format `now`. Throws
/// ValueError when it does not fit.
[[nodiscard]] ItemForm form_for(const Item& value, std::size_t room, std::string_view now);

void write_item(std::span<std::byte> slot, const Item& value, const ItemForm& form);

/// Throws ValueError when the bytes are no item.
[[nodiscard]] Item read_item(std::span<const std::byte> slot, const ItemForm& form);

/// Where the items of a list are.
struct ListShape {
  std::vector<std::size_t> offsets;  // from the start of the memory
  std::size_t end = 0;
};

/// Checks all words, because any program may have written them. Throws ValueError.
[[nodiscard]] ListShape read_shape(std::span<const std::byte> memory);

}  // namespace multiprocessing::detail
