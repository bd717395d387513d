// The order of tasks with a rank, which is not that of their coming.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "arena/message_handles.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "pool/task_record.hpp"

namespace multiprocessing::detail {

/// Whose turn it is: what has the higher priority, and of those what came first. The smaller one is
/// first.
struct Turn {
  int priority = 0;
  std::uint64_t serial = 0;

  friend constexpr bool operator<(const Turn& a, const Turn& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.serial < b.serial;
  }
};

inline constexpr std::uint32_t ranked_blocks = 12;
inline constexpr std::uint32_t first_ranked_block = 1024;  // each of the others doubles the number

/// In the board: a list in which the first has the first turn. Only the pool writes to it, and one
/// store links an entry or takes it out. An entry stays linked when its task has been taken, until
/// the pool comes by: the word of the record alone says whose the task is.
struct RankedOrder {
  std::atomic<std::uint64_t> changes;  // raised after each push, and before an entry is used again
  std::atomic<std::uint32_t> first;    // the number of the entry and 1; 0: none
};

struct RankedEntry {
  std::atomic<std::uint32_t> next;  // as RankedOrder::first
  std::atomic<std::int32_t> priority;
  std::atomic<std::uint64_t> serial;
  std::atomic<std::uint64_t> name;
};

/// Where the entries lie: blocks, held by links of the board.
class RankedEntries {
 public:
  explicit RankedEntries(std::span<Link> links) : links_(links) {}

  /// `number` is that of an entry and 1.
  [[nodiscard]] RankedEntry& at(std::uint32_t number);

  /// Room for that one, too. Throws OSError when memory is short.
  void make_room_for(std::uint32_t number);

 private:
  const std::span<Link> links_;
  std::array<Handle, ranked_blocks> blocks_;
};

/// The pool's side. By one thread at a time.
class RankedWriter {
 public:
  /// `is_queued`: whether a task has not been taken.
  RankedWriter(RankedOrder& order, std::span<Link> links, std::function<bool(TaskName)> is_queued)
      : order_(order), entries_(links), is_queued_(std::move(is_queued)) {}

  /// Throws OSError when memory is short; then nothing has been queued.
  void push(TaskName name, const Turn& turn);

  [[nodiscard]] bool any_queued();

 private:
  using Places = std::map<Turn, std::uint32_t>;
  void take_out(Places::iterator place);
  void sweep();
  [[nodiscard]] bool is_stale(std::uint32_t number);
  [[nodiscard]] std::atomic<std::uint32_t>& link_to(Places::iterator place);

  RankedOrder& order_;
  RankedEntries entries_;
  const std::function<bool(TaskName)> is_queued_;
  Places places_;                    // of all that are linked
  std::vector<std::uint32_t> free_;  // entries
  std::uint32_t made_ = 0;
  Turn swept_;  // the last one that sweep() has looked at
};

/// A worker's side.
class RankedReader {
 public:
  RankedReader(RankedOrder& order, std::span<Link> links) : order_(order), entries_(links) {}

  struct Front {
    TaskName name;
    Turn turn;
  };
  /// The first one that is queued; none when there is none.
  template <class IsQueued>
  [[nodiscard]] std::optional<Front> front(IsQueued is_queued) {
    if (order_.changes.load() == 0) return {};  // no priority was ever used
    for (;;) {
      const std::uint64_t changes = order_.changes.load();
      std::uint32_t at = changes == known_changes_ ? known_first_ : order_.first.load();
      for (bool same = true; same;) {
        std::optional<Front> front;
        std::uint32_t next = 0;
        if (at != 0) {
          RankedEntry& entry = entries_.at(at);
          front = Front{TaskName{entry.name.load()}, {entry.priority.load(), entry.serial.load()}};
          next = entry.next.load();
        }
        same = order_.changes.load() == changes;  // else it may be that of another task
        if (!same) break;
        known_changes_ = changes;
        known_first_ = at;
        if (!front || is_queued(front->name)) return front;
        at = next;
      }
    }
  }

 private:
  RankedOrder& order_;
  RankedEntries entries_;
  std::uint64_t known_changes_ = 0;
  std::uint32_t known_first_ = 0;  // all before it had been taken at that change
};

}  // namespace multiprocessing::detail
