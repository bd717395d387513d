// Golden vectors: the bytes of ShareableLists as CPython 3.8 to 3.13 wrote them. One JSON
// object a line.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "multiprocessing/shared_memory.hpp"

namespace shared_memory_test {

struct ListVector {
  using Item = multiprocessing::ShareableList::Item;
  std::string id;
  std::string format;
  std::vector<Item> initial;
  std::vector<std::pair<std::ptrdiff_t, Item>> changes;
  std::vector<Item> items;
  std::string bytes;
};

[[nodiscard]] std::vector<ListVector> read_list_vectors();

}  // namespace shared_memory_test
