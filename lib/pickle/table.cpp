#include "pickle/table.hpp"

#include <algorithm>
#include <utility>

namespace multiprocessing::detail {
namespace {

constexpr std::size_t most_without_index = 8;

}  // namespace

const Table::Entry* Table::find(const Object& key, std::uint64_t hash) const {
  const auto is_it = [&](const Entry& entry) { return entry.hash == hash && entry.key == key; };
  if (places_.empty()) {
    const auto found = std::find_if(entries_.begin(), entries_.end(), is_it);
    return found == entries_.end() ? nullptr : &*found;
  }
  const std::size_t mask = places_.size() - 1;
  for (std::size_t at = hash & mask; places_[at] != 0; at = (at + 1) & mask)
    if (is_it(entries_[places_[at] - 1])) return &entries_[places_[at] - 1];
  return nullptr;
}

bool Table::insert(Object key, std::uint64_t hash, Object value) {
  if (const Entry* found = find(key, hash)) {
    entries_[static_cast<std::size_t>(found - entries_.data())].value = std::move(value);
    return false;
  }
  make_room();
  entries_.push_back({std::move(key), std::move(value), hash});
  ++size_;
  if (places_.empty()) return true;
  const std::size_t mask = places_.size() - 1;
  std::size_t at = hash & mask;
  while (places_[at] != 0) at = (at + 1) & mask;
  places_[at] = static_cast<std::uint32_t>(entries_.size());
  return true;
}

bool Table::erase(const Object& key, std::uint64_t hash) {
  const Entry* found = find(key, hash);
  if (found == nullptr) return false;
  entries_[static_cast<std::size_t>(found - entries_.data())] = Entry{};
  --size_;
  return true;
}

void Table::clear() noexcept {
  entries_.clear();
  places_.clear();
  size_ = 0;
}

/// For one entry more: the index stays at most two thirds full, gaps included.
void Table::make_room() {
  if (entries_.size() < most_without_index && places_.empty()) return;
  if (entries_.size() < places_.size() / 3 * 2) return;
  std::erase_if(entries_, [](const Entry& entry) { return entry.hash == 0; });
  std::size_t wanted = 2 * most_without_index;
  while (wanted / 2 <= entries_.size()) wanted *= 2;
  places_.assign(wanted, 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t at = entries_[i].hash & (wanted - 1);
    while (places_[at] != 0) at = (at + 1) & (wanted - 1);
    places_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

}  // namespace multiprocessing::detail
