#include "synchronize/records.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/fail_point.hpp"
#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

void grow(const Handle& object, RecordTable& table, std::uint32_t seen) {
  const OwnerGuard guard{table.growing};
  if (table.blocks.load() != seen) return;
  if (seen == RecordTable::links) throw_os_error(ENOMEM, "wait", "too many waiters at one time");
  Link& link = links_of(object)[seen];
  // A process that was killed here may have left a block already, with all records free.
  if (data_of(link) == nullptr) {
    const std::size_t bytes = sizeof(Record) * (RecordTable::first_count << (seen + 1));
    Block block{bytes};
    std::memset(block.data(), 0, bytes);
    fail_point("synchronize.records.before_give");
    std::move(block).give_to(link);
  }
  fail_point("synchronize.records.given");
  table.blocks.store(seen + 1, std::memory_order_release);
}

}  // namespace

Record& claim_record(const Handle& object, RecordTable& table, std::uint32_t word) {
  Record* found = nullptr;
  for (;;) {
    const std::uint32_t blocks = table.blocks.load();
    any_record(object, table, [&](Record& record) {
      std::uint32_t free = 0;
      if (record.word.load(std::memory_order_relaxed) == 0 &&
          record.word.compare_exchange_strong(free, word))
        found = &record;
      return found != nullptr;
    });
    if (found != nullptr) return *found;
    grow(object, table, blocks);
  }
}

}  // namespace multiprocessing::detail
