#include "pickle/table.hpp"

#include <algorithm>
#include <utility>

namespace multiprocessing::detail {
namespace {

constexpr std::size_t most_without_index = 8;
constexpr std::uint32_t taken_away = 0xffffffffU;  // an entry of the index: the search goes on
constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

}  // namespace

/// Where the index says where the entry is; without an index, the entry's own place.
std::size_t Table::place_of(const Object& key, std::uint64_t hash) const {
  const auto is_it = [&](const Entry& entry) { return entry.hash == hash && entry.key == key; };
  if (index_.empty()) {
    const auto found = std::find_if(entries_.begin(), entries_.end(), is_it);
    return found == entries_.end() ? nowhere : static_cast<std::size_t>(found - entries_.begin());
  }
  const std::size_t mask = index_.size() - 1;
  for (std::size_t at = hash & mask; index_[at] != 0; at = (at + 1) & mask)
    if (index_[at] != taken_away && is_it(entries_[index_[at] - 1])) return at;
  return nowhere;
}

const Table::Entry* Table::find(const Object& key, std::uint64_t hash) const {
  const std::size_t place = place_of(key, hash);
  if (place == nowhere) return nullptr;
  return &entries_[index_.empty() ? place : index_[place] - 1];
}

Object* Table::find_value(const Object& key, std::uint64_t hash) {
  const Entry* found = find(key, hash);
  return found == nullptr ? nullptr
                          : &entries_[static_cast<std::size_t>(found - entries_.data())].value;
}

bool Table::insert(Object key, std::uint64_t hash, Object value) {
  if (Object* there = find_value(key, hash)) {
    *there = std::move(value);
    return false;
  }
  make_room();
  entries_.push_back({std::move(key), std::move(value), hash});
  ++size_;
  if (index_.empty()) return true;
  ++used_;
  const std::size_t mask = index_.size() - 1;
  std::size_t at = hash & mask;
  while (index_[at] != 0) at = (at + 1) & mask;
  index_[at] = static_cast<std::uint32_t>(entries_.size());
  return true;
}

bool Table::erase(const Object& key, std::uint64_t hash) {
  std::size_t place = place_of(key, hash);
  if (place == nowhere) return false;
  if (!index_.empty()) place = std::exchange(index_[place], taken_away) - 1;
  entries_[place] = Entry{};
  --size_;
  while (!entries_.empty() && entries_.back().hash == 0) entries_.pop_back();
  if (entries_.size() > 4 * (size_ + most_without_index)) close_gaps();
  return true;
}

void Table::clear() noexcept {
  entries_.clear();
  index_.clear();
  size_ = used_ = 0;
}

/// For one entry more: the index stays at most two thirds full.
void Table::make_room() {
  if (entries_.size() < most_without_index && index_.empty()) return;
  if (!index_.empty() && used_ < index_.size() / 3 * 2) return;
  close_gaps();
}

/// And makes the index again, with room for one entry more.
void Table::close_gaps() {
  std::erase_if(entries_, [](const Entry& entry) { return entry.hash == 0; });
  std::size_t wanted = 2 * most_without_index;
  while (wanted / 2 <= entries_.size()) wanted *= 2;
  index_.assign(wanted, 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t at = entries_[i].hash & (wanted - 1);
    while (index_[at] != 0) at = (at + 1) & (wanted - 1);
    index_[at] = static_cast<std::uint32_t>(i + 1);
  }
  used_ = entries_.size();
}

}  // namespace multiprocessing::detail
