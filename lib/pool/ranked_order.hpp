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
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "pool/task_record.hpp"

namespace multiprocessing::detail {

/// How many tokens of each kind a task needs; empty: none of any.
using TokenNeeds = std::vector<std::uint32_t>;

/// Whether `needs` are among what is free.
[[nodiscard]] bool are_free(const TokenNeeds& free, const TokenNeeds& needs);

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
///
/// A worker walks along the list without a lock, and finds each task that was linked when it began:
/// an entry that is taken out meanwhile keeps its way on, to what came behind it then. Only what
/// the entry says and where it leads must be of one task. So a walk goes on through pushes, and
/// begins anew when `revision` has moved. It moves once for many entries, as many at least as are
/// linked then: the pool needs longer to push these than a worker to walk past them, so a steady
/// stream of pushes keeps no worker walking for ever.
struct RankedOrder {
  std::atomic<std::uint64_t> revision;  // raised before entries are used again
  std::atomic<std::uint64_t> pushes;    // raised after each
  std::atomic<std::uint64_t> calls;     // raised when workers that are at a map are to look again
  std::atomic<std::uint32_t> first;     // the number of the entry and 1; 0: none
};

struct RankedEntry {
  std::atomic<std::uint32_t> next;  // as RankedOrder::first
  std::atomic<std::int32_t> priority;
  std::atomic<std::uint32_t> kinds_needed;  // of tokens: none, or all that there are
  std::atomic<std::uint64_t> serial;
  std::atomic<std::uint64_t> name;
  // Followed by how many tokens of each kind the task needs.

  [[nodiscard]] std::atomic<std::uint32_t>* needs() {
    return reinterpret_cast<std::atomic<std::uint32_t>*>(this + 1);
  }
};

/// Where the entries lie: blocks, held by links of the board.
class MULTIPROCESSING_API RankedEntries {
 public:
  /// `kinds` of tokens may be needed.
  RankedEntries(std::span<Link> links, std::uint32_t kinds) : links_(links), kinds_(kinds) {}

  /// `number` is that of an entry and 1.
  [[nodiscard]] RankedEntry& at(std::uint32_t number);

  /// Room for that one, too. Throws OSError when memory is short.
  void make_room_for(std::uint32_t number);

 private:
  [[nodiscard]] std::size_t size() const {
    return sizeof(RankedEntry) + (kinds_ + 1) / 2 * 2 * sizeof(std::uint32_t);
  }

  const std::span<Link> links_;
  const std::uint32_t kinds_;
  std::array<Handle, ranked_blocks> blocks_;
};

/// The pool's side. By one thread at a time.
class MULTIPROCESSING_API RankedWriter {
 public:
  /// `is_queued`: whether a task has not been taken.
  RankedWriter(RankedOrder& order, RankedEntries entries, std::function<bool(TaskName)> is_queued)
      : order_(order), entries_(std::move(entries)), is_queued_(std::move(is_queued)) {}

  /// Throws OSError when memory is short; then nothing has been queued.
  void push(TaskName name, const Turn& turn, const TokenNeeds& needs);

  [[nodiscard]] bool any_queued();

  /// Whether more than `beside` are queued that may run with the tokens that are free. Counts down
  /// `beside` otherwise.
  [[nodiscard]] bool more_may_run(TokenNeeds free, std::size_t& beside);

 private:
  using Places = std::map<Turn, std::uint32_t>;
  void take_out(Places::iterator place);
  void sweep();
  [[nodiscard]] std::uint32_t unused();
  void make_another();
  void use_again();
  [[nodiscard]] bool is_stale(std::uint32_t number);
  [[nodiscard]] std::atomic<std::uint32_t>& link_to(Places::iterator place);

  RankedOrder& order_;
  RankedEntries entries_;
  const std::function<bool(TaskName)> is_queued_;
  Places places_;                         // of all that are linked
  std::vector<std::uint32_t> free_;       // entries
  std::vector<std::uint32_t> taken_out_;  // entries that workers may be about to read
  std::uint32_t made_ = 0;
  Turn swept_;  // the last one that sweep() has looked at
};

/// A worker's side.
class RankedReader {
 public:
  RankedReader(RankedOrder& order, RankedEntries entries)
      : order_(order), entries_(std::move(entries)) {}

  struct Front {
    TaskName name;
    Turn turn;
    TokenNeeds needs;
  };
  /// The first one that is queued and may run; none when there is none.
  template <class IsQueued, class MayRun>
  [[nodiscard]] std::optional<Front> front(IsQueued is_queued, MayRun may_run) {
    if (order_.pushes.load() == 0) return {};  // no rank was ever used
    for (;;) {
      const State now{order_.revision.load(), order_.pushes.load()};
      const std::uint32_t from = now == known_ ? known_first_ : order_.first.load();
      std::optional<Front> front;
      if (walk(from, now, is_queued, may_run, front)) return front;
    }
  }

 private:
  struct State {
    std::uint64_t revision = 0;
    std::uint64_t pushes = 0;
    friend bool operator==(const State&, const State&) = default;
  };

  /// From the entry `at` on; false when an entry may have become that of another task.
  template <class IsQueued, class MayRun>
  [[nodiscard]] bool walk(std::uint32_t at, const State& begun, IsQueued& is_queued,
                          MayRun& may_run, std::optional<Front>& front) {
    Front seen;
    for (bool all_taken = true; at != 0;) {
      RankedEntry& entry = entries_.at(at);
      seen.name = TaskName{entry.name.load()};
      seen.turn = {entry.priority.load(), entry.serial.load()};
      seen.needs.clear();
      for (std::uint32_t kind = 0; kind < entry.kinds_needed.load(); ++kind)
        seen.needs.push_back(entry.needs()[kind].load());
      const std::uint32_t next = entry.next.load();
      if (order_.revision.load() != begun.revision) return false;
      const bool queued = is_queued(seen.name);
      all_taken = all_taken && !queued;
      if (all_taken) know(begun, next);
      if (queued && may_run(seen.needs)) {
        front = std::move(seen);
        return true;
      }
      at = next;
    }
    return true;
  }

  void know(const State& begun, std::uint32_t first) {
    known_ = begun;
    known_first_ = first;
  }

  RankedOrder& order_;
  RankedEntries entries_;
  State known_;
  std::uint32_t known_first_ = 0;  // all before it had been taken then
};

}  // namespace multiprocessing::detail
