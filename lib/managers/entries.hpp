// The entries of a manager's dict or set.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "managers/referent.hpp"
#include "multiprocessing/pickle/object.hpp"
#include "pickle/node.hpp"
#include "pickle/table.hpp"

namespace multiprocessing::detail {

/// Throws TypeError for what Python cannot hash.
[[nodiscard]] inline std::uint64_t hash_of_key(const Object& key) {
  return std::hash<Object>{}(key);
}

/// Throws MemoryError where there are as many as a manager holds.
void insert_entry(Table& table, const Object& key, const Object& value = None);

/// The first entry at this place or behind it, and its own place; null at the end.
[[nodiscard]] const Table::Entry* entry_from(const Table& table, std::size_t& place);

/// (place, most, size): entries of a table from there on, for clients that iterate. Gives them as
/// `shown` makes values of them, where those behind them are, or None, and the size, by which the
/// next request tells a table that has changed: RuntimeError, as in Python.
[[nodiscard]] Object chunk_of(const Table& table, std::string_view type,
                              const std::vector<Object>& args,
                              Object (*shown)(const Table::Entry& entry));

/// An iterator over the keys, which keeps the table. As in Python, a table may not change its size
/// meanwhile (RuntimeError); values may change.
[[nodiscard]] Made iterator_over_keys(std::shared_ptr<const Table> table, std::string_view type,
                                      std::string_view name);

[[nodiscard]] std::vector<Object> keys_of(const Table& table);

}  // namespace multiprocessing::detail
