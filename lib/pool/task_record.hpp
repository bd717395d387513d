// A task as it lies in shared memory: a record with one word that says where the task stands.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/owner_lock.hpp"

namespace multiprocessing::detail {

/// The word of a task's record: which use of the record it is, where the task stands, and marks. A
/// worker that runs the task stands there by its name; every change is a compare-and-swap, so that
/// of two ends one decides.
///
///     63 … 35 use | 34 … 4 state or worker | 3 followed | 2 condemned | 1 dropped | 0 waiting
class TaskWord {
 public:
  // Below all names of workers.
  enum State : std::uint32_t {
    free,
    queued,
    done,
    threw,
    lost,       // with its worker
    cancelled,  // before it began
    expired,    // the same, by the time that it had for that
    stopped,    // while it ran: its worker was killed for it
    overdue,    // the same, by the time that it had for that
    refused
  };

  static constexpr std::uint64_t waiting = 1;    // a thread may sleep on the word
  static constexpr std::uint64_t dropped = 2;    // no result refers to the task any more
  static constexpr std::uint64_t condemned = 4;  // its worker is killed for it, and claims no more
  static constexpr std::uint64_t followed = 8;   // its end goes into the list of ends
  static constexpr std::uint32_t last_use = 0x1fff'ffff;

  constexpr explicit TaskWord(std::uint64_t bits) : bits_(bits) {}
  constexpr TaskWord(std::uint32_t use, State state, std::uint64_t marks = 0)
      : bits_(std::uint64_t{use} << 35 | std::uint64_t{state} << 4 | marks) {}

  [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
  [[nodiscard]] constexpr std::uint32_t use() const {
    return static_cast<std::uint32_t>(bits_ >> 35);
  }
  [[nodiscard]] constexpr std::uint64_t marks() const {
    return bits_ & (waiting | dropped | followed);
  }
  [[nodiscard]] constexpr bool is(std::uint64_t mark) const { return (bits_ & mark) != 0; }

  /// A State, or what worker() makes of a name.
  [[nodiscard]] constexpr std::uint32_t state() const {
    return static_cast<std::uint32_t>(bits_ >> 4 & 0x7fff'ffff);
  }
  [[nodiscard]] constexpr bool ended() const { return state() >= done && state() <= refused; }
  [[nodiscard]] constexpr bool runs() const { return state() > refused; }

  /// The 32 bits by which an OwnerLock names a member, of which the lowest is 0.
  [[nodiscard]] static constexpr std::uint32_t worker(std::uint32_t lock_name) {
    return lock_name >> 1;
  }

  [[nodiscard]] constexpr TaskWord with_state(std::uint32_t state) const {
    constexpr std::uint64_t field = std::uint64_t{0x7fff'ffff} << 4;
    return TaskWord{(bits_ & ~field) | std::uint64_t{state} << 4};
  }
  /// An end wakes all that wait, and condemns no more.
  [[nodiscard]] constexpr TaskWord ended_as(State state) const {
    return TaskWord{with_state(state).bits_ & ~(waiting | condemned)};
  }
  [[nodiscard]] constexpr TaskWord marked(std::uint64_t mark) const {
    return TaskWord{bits_ | mark};
  }
  /// The next one, also of a task that is queued again. None is 0, so no name of a task is.
  [[nodiscard]] constexpr std::uint32_t next_use() const {
    return use() == last_use ? 1 : use() + 1;
  }

 private:
  std::uint64_t bits_;
};

/// Names one use of a record: an entry of an order ring. 0 names none.
class TaskName {
 public:
  constexpr TaskName() = default;
  constexpr explicit TaskName(std::uint64_t bits) : bits_(bits) {}
  constexpr TaskName(std::uint32_t record, std::uint32_t use)
      : bits_(std::uint64_t{use} << 32 | record) {}

  [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
  [[nodiscard]] constexpr std::uint32_t record() const { return static_cast<std::uint32_t>(bits_); }
  [[nodiscard]] constexpr std::uint32_t use() const {
    return static_cast<std::uint32_t>(bits_ >> 32);
  }
  [[nodiscard]] constexpr explicit operator bool() const { return bits_ != 0; }
  friend constexpr bool operator==(TaskName, TaskName) = default;

 private:
  std::uint64_t bits_ = 0;
};

/// Two cache lines. Its segment has three links for it: the blocks of argument and result, for what
/// does not fit below or mentions handles, and of output that was captured.
struct alignas(64) TaskRecord {
  std::atomic<std::uint64_t> word;
  // Its place in the order of tasks and maps; in the board's list of ends, the next in the list.
  std::atomic<std::uint64_t> serial;
  std::atomic<std::uint32_t> retries;  // that are left
  std::atomic<std::uint16_t> size;     // of what lies below
  std::atomic<std::uint16_t> marks;    // limited, for_time, captured
  std::byte bytes[104];                // the call, then the result

  static constexpr std::uint16_t limited = 1;   // behind the call are its TaskLimits
  static constexpr std::uint16_t for_time = 2;  // it is condemned because its time is over
  static constexpr std::uint16_t captured = 4;  // what it writes is kept

  [[nodiscard]] TaskWord look() const { return TaskWord{word.load(std::memory_order_acquire)}; }

  /// Replaces `seen`, or says in it what stands there instead.
  [[nodiscard]] bool change(TaskWord& seen, TaskWord to) {
    std::uint64_t bits = seen.bits();
    const bool changed = word.compare_exchange_strong(bits, to.bits());
    if (!changed) seen = TaskWord{bits};
    return changed;
  }
};
static_assert(sizeof(TaskRecord) == 128);

/// A queued task becomes the worker's; not one that was cancelled or queued anew since it was
/// named so.
[[nodiscard]] inline bool claim(TaskRecord& record, TaskName name, std::uint32_t worker) {
  TaskWord seen = record.look();
  while (seen.use() == name.use() && seen.state() == TaskWord::queued)
    if (record.change(seen, seen.with_state(worker))) return true;
  return false;
}

/// Ends a task that stands at `state`, and says what stood there; none when it stands elsewhere.
[[nodiscard]] inline std::uint64_t end_if(TaskRecord& record, std::uint32_t state,
                                          TaskWord::State end) {
  TaskWord seen = record.look();
  while (seen.state() == state)
    if (record.change(seen, seen.ended_as(end))) return seen.bits();
  return 0;
}

inline constexpr std::uint32_t records_per_segment = 1024;

}  // namespace multiprocessing::detail
