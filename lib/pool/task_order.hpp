// The order of tasks: rings of names, filled by the pool and emptied by its workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

#include "arena/message_handles.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "pool/task_record.hpp"

namespace multiprocessing::detail {

/// An object of the arena. An entry at `head` is taken by the worker that moves the head past it,
/// so no two workers look at one; the word of the record alone says whose the task is.
struct TaskRing {
  std::uint64_t capacity;
  alignas(64) std::atomic<std::uint64_t> head;
  alignas(64) std::atomic<std::uint64_t> tail;
  // Followed by a name for each place.

  [[nodiscard]] std::atomic<std::uint64_t>& entry(std::uint64_t position) {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(this + 1)[position % capacity];
  }
};

inline constexpr std::uint32_t rings_per_order = 16;

/// In the board: rings that are each twice as large as the one before. The pool fills the newest;
/// workers empty the older ones first, and find out by themselves that those stay empty. None is
/// given back while the pool lives: all together they are no larger than the newest.
struct TaskOrder {
  std::atomic<std::uint32_t> rings;  // how many there are
};

/// One side of an order: the pool's, or that of a worker.
class MULTIPROCESSING_API OrderSide {
 public:
  OrderSide(TaskOrder& order, std::span<Link> links) : order_(order), links_(links) {}

  /// The pool's, by one thread at a time. Throws OSError when memory is short; then nothing has
  /// been queued.
  void push(TaskName name, std::uint64_t first_capacity = 1024);

  struct Front {
    TaskRing* ring;
    std::uint64_t position;
    TaskName name;
  };
  /// The next entry; none when all have been taken.
  [[nodiscard]] std::optional<Front> front();

  /// How many have not been taken.
  [[nodiscard]] std::uint64_t length();

  /// Takes that entry; false when another worker has.
  [[nodiscard]] static bool take(const Front& front);

 private:
  [[nodiscard]] TaskRing& ring(std::uint32_t index);
  TaskRing& chain(std::uint64_t capacity);

  TaskOrder& order_;
  const std::span<Link> links_;
  std::array<Handle, rings_per_order> rings_;  // those that were used here
  std::uint32_t at_ = 0;                       // all before it stay empty
};

}  // namespace multiprocessing::detail
