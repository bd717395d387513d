// The entries of a dict or set: found by hash, kept in the order of insertion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

/// As CPython's: the entries lie one behind the other, and an index of their places is searched by
/// hash. Entries that were taken away stay as gaps until the table grows, or has more gaps than
/// entries by far; there are none at the end.
class MULTIPROCESSING_API Table {
 public:
  struct Entry {
    Object key;
    Object value;            // None in a set
    std::uint64_t hash = 0;  // 0: a gap
  };

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The entry of an equal key, or null.
  [[nodiscard]] const Entry* find(const Object& key, std::uint64_t hash) const;

  /// Where the value of an equal key is, or null. Valid until the next change of the table.
  [[nodiscard]] Object* find_value(const Object& key, std::uint64_t hash);

  /// The entry that was inserted last; the table is not empty.
  [[nodiscard]] const Entry& last() const noexcept { return entries_.back(); }

  /// Entries and gaps, by place: for a walk that goes on later.
  [[nodiscard]] const std::vector<Entry>& places() const noexcept { return entries_; }

  /// Whether the key is new; the value of one that is there is replaced, the key stays.
  bool insert(Object key, std::uint64_t hash, Object value);

  /// Whether it was there.
  bool erase(const Object& key, std::uint64_t hash);

  void clear() noexcept;

  template <class F>
  void each(F&& visit) const {
    for (const Entry& entry : entries_)
      if (entry.hash != 0) visit(entry);
  }

 private:
  [[nodiscard]] std::size_t place_of(const Object& key, std::uint64_t hash) const;
  void make_room();
  void close_gaps();

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> index_;  // places of entries, from 1 on; empty while there are few
  std::size_t size_ = 0;
  std::size_t used_ = 0;  // of the index, by entries and what was taken away
};

}  // namespace multiprocessing::detail
