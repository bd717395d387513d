// The handles of this process: one record per object it holds, however many handles it has.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "arena/ledger.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

/// One object that this process holds. Never moves; reused when its last handle is gone.
struct HandleRecord {
  std::atomic<std::uint64_t> handles{0};  // from 1 to 0 only under the ledger mutex
  std::uint64_t block = 0;                // 0: spare
  void* body = nullptr;
  Link* link = nullptr;                    // by which this process's ledger holds it
  std::atomic<LocalPart*> local{nullptr};  // owned
};

/// All records. Everything here needs the ledger mutex.
class HandleTable {
 public:
  static HandleTable& instance();

  /// A new object of `bytes` zeroed bytes.
  HandleRecord* make(std::size_t bytes, std::size_t links, Backing backing,
                     Contents contents = Contents::zeroed);

  /// The record of an object that this process holds from now on; it must be held meanwhile.
  HandleRecord* hold(std::uint64_t block);

  /// The record of an object that this process holds already, or null.
  [[nodiscard]] HandleRecord* find(std::uint64_t block) const;

  void drop_last(HandleRecord* record);

  /// Enters all that this process holds in the reference table of `child`, too; false when memory
  /// ran short.
  bool enter_in_ledger_of(Member child);

  /// In a forked child: gives its records the links that the parent entered for it, in order.
  void move_to(Member child, std::uint32_t first_link);

  /// Makes the objects of handles that were not used yet, or a child would make its own.
  void make_lazy();
  [[nodiscard]] bool has_lazy() const { return lazy_ != nullptr; }
  void add_lazy(const Handle& handle) noexcept;
  void remove_lazy(const Handle& handle) noexcept;
  HandleRecord* make_now(const Handle& handle);

  /// Makes records for what the parent entered for this child; each without a handle yet.
  void adopt_ledger(Member self);
  void drop_unclaimed();

 private:
  HandleRecord* new_record(std::uint64_t block, Link& link);
  Link& free_link();
  void map(std::uint64_t block, HandleRecord* record);
  void unmap(HandleRecord* record);
  void give_up(HandleRecord* record, Link& link);
  void release_duplicate(Link& link);  // this process holds the same object by another link

  using Map = std::unordered_map<std::uint64_t, HandleRecord*>;
  Map by_block_;
  std::vector<Map::node_type> spare_nodes_;  // so that a handle made and dropped allocates nothing
  std::deque<HandleRecord> records_;
  std::vector<HandleRecord*> spare_records_;
  std::vector<Link*> spare_links_;
  const Handle* lazy_ = nullptr;
};

}  // namespace multiprocessing::detail
