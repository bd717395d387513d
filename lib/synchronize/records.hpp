// Records: a table in the arena that grows, of the waiters of a Condition or parties of a Barrier.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/blocks.hpp"
#include "arena/owner_lock.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

/// Free while its word is 0. The word is the name of a process; the table's user may use its lowest
/// bit. It is taken by one compare-and-swap from 0, and freed by a store or an exchange.
struct Record {
  std::atomic<std::uint32_t> word;
  std::atomic<std::uint32_t> number;  // of a waiter: its place in the order of coming
  std::atomic<std::uint32_t> stamp;   // of a notified one: the number of the next to come then
  std::atomic<std::uint32_t> asleep;  // its thread may sleep on the word
};

/// Further records lie in blocks, each twice as large as the one before. The object that the table
/// lies in owns them by its first links.
struct RecordTable {
  static constexpr std::size_t links = 14;
  static constexpr std::size_t first_count = 8;

  OwnerLock growing;
  std::atomic<std::uint32_t> blocks;  // how many are ready to be read
  Record first[first_count];
};

/// Calls `visit(record)` for each record until it returns true; whether it did.
template <class Visit>
bool any_record(const Handle& object, RecordTable& table, Visit visit) {
  for (Record& record : table.first)
    if (visit(record)) return true;
  const std::uint32_t blocks = table.blocks.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < blocks; ++i) {
    auto* records = static_cast<Record*>(data_of(links_of(object)[i]));
    for (std::size_t at = 0; at < RecordTable::first_count << (i + 1); ++at)
      if (visit(records[at])) return true;
  }
  return false;
}

/// A free record, with `word` from now on. Throws OSError when memory is short.
[[nodiscard]] Record& claim_record(const Handle& object, RecordTable& table, std::uint32_t word);

}  // namespace multiprocessing::detail
