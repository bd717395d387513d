// Slots: memory of a queue for large messages, a few at a time, used again and again because fresh
// memory costs more than the copy. Producers fill them side by side, outside of the queue's locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "queues/ring.hpp"

namespace multiprocessing::detail {

/// A slot that this process has locked, for as long as it fills or reads it.
class HeldSlot {
 public:
  /// One with room for `bytes`; none when all are queued or held, or the limit passed before there
  /// were any. Throws OSError.
  [[nodiscard]] static std::optional<HeldSlot> claim(const QueueRef& queue, std::size_t bytes,
                                                     LazyDeadline& limit);

  /// One that try_get has locked for us.
  HeldSlot(const QueueRef& queue, std::uint32_t index) : queue_(&queue), index_(index) {}
  HeldSlot(HeldSlot&& other) noexcept
      : queue_(std::exchange(other.queue_, nullptr)), index_(other.index_) {}
  HeldSlot& operator=(HeldSlot&&) = delete;
  ~HeldSlot();

  [[nodiscard]] std::byte* memory() const;
  [[nodiscard]] std::uint32_t index() const { return index_; }

  /// It is queued now, and not ours any more.
  void forget() { queue_ = nullptr; }

 private:
  void make_room(std::size_t bytes) const;
  [[nodiscard]] MessageSlot& slot() const { return queue_->slot(index_); }
  [[nodiscard]] Link& link() const { return queue_->slot_link(index_); }

  const QueueRef* queue_;  // null: not ours
  std::uint32_t index_;
};

}  // namespace multiprocessing::detail
