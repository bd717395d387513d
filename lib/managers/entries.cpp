#include "managers/entries.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "managers/errors.hpp"
#include "managers/iterator.hpp"
#include "managers/python_values.hpp"

namespace multiprocessing::detail {
namespace {

void check_size(std::string_view type, const Table& table, std::size_t size) {
  if (table.size() == size) return;
  const std::string named = type == "dict" ? "dictionary" : "Set";
  throw std::runtime_error(named + " changed size during iteration");
}

}  // namespace

void insert_entry(Table& table, const Object& key, const Object& value) {
  if (table.size() >= most_elements) raise_too_large("the container");
  table.insert(key, hash_of_key(key), value);
}

const Table::Entry* entry_from(const Table& table, std::size_t& place) {
  const std::vector<Table::Entry>& places = table.places();
  while (place < places.size() && places[place].hash == 0) ++place;
  return place < places.size() ? &places[place] : nullptr;
}

Object chunk_of(const Table& table, std::string_view type, const std::vector<Object>& args,
                Object (*shown)(const Table::Entry& entry)) {
  std::size_t place = bound_of(args[0], table.places().size());
  const std::size_t most = bound_of(args[1], table.size());
  if (args.size() > 2 && !args[2].is_none())
    check_size(type, table, static_cast<std::size_t>(integer_of(args[2])));
  std::vector<Object> items;
  const Table::Entry* entry = entry_from(table, place);
  for (; entry != nullptr && items.size() < most; entry = entry_from(table, ++place))
    items.push_back(shown(*entry));
  return Object::tuple({Object::list(std::move(items)),
                        entry == nullptr ? Object{None} : Object{place}, table.size()});
}

Made iterator_over_keys(std::shared_ptr<const Table> table, std::string_view type,
                        std::string_view name) {
  const std::size_t size = table->size();
  auto next = [table = std::move(table), type, size,
               place = std::size_t{0}]() mutable -> std::optional<Object> {
    if (table == nullptr) return std::nullopt;  // at its end before
    check_size(type, *table, size);
    const Table::Entry* entry = entry_from(*table, place);
    if (entry == nullptr) {
      table = nullptr;
      return std::nullopt;
    }
    ++place;
    return entry->key;
  };
  return Iterator::made(std::string{name}, std::move(next));
}

std::vector<Object> keys_of(const Table& table) {
  std::vector<Object> keys;
  keys.reserve(table.size());
  table.each([&](const Table::Entry& entry) { keys.push_back(entry.key); });
  return keys;
}

}  // namespace multiprocessing::detail
