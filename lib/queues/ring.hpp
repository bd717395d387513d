// The two sides of a queue's rings, while their locks are held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/deadline.hpp"
#include "queues/queue_ref.hpp"

namespace multiprocessing::detail {

enum class RecordKind : std::uint32_t { inlined, slot, object };

/// The first unit of a record; a queue of messages that are all alike has none.
struct RecordHeader {
  RecordKind kind;
  std::uint32_t value;  // bytes that follow, or the number of the slot or link; its size follows
};
static_assert(sizeof(RecordHeader) == 8);

/// What is to be put.
struct Outgoing {
  RecordKind kind = RecordKind::inlined;
  std::uint64_t size = 0;
  Piece first = {};
  Piece second = {};
  std::uint32_t slot = 0;  // locked by this process until it is put
  const Handle* object = nullptr;
};

/// What was got: some of a queue of messages that are all alike, or one of another queue.
struct Incoming {
  std::byte* into = nullptr;  // where what is inline goes
  std::size_t most = 1;
  std::size_t count = 0;
  RecordKind kind = RecordKind::inlined;
  std::uint64_t size = 0;
  std::uint32_t slot = 0;  // locked by this process
  Handle object = {};
  bool more = false;  // more messages are there
};

/// `not_in_time`: another process stands in its turn, which has not ended within the limit.
enum class Tried { done, not_now, shut_down, not_in_time };

/// Publishes `outgoing`, or says that there is no room. Throws OSError when memory is short.
[[nodiscard]] Tried try_put(const QueueRef& queue, const Outgoing& outgoing, LazyDeadline& limit);

/// As many of `count` values, one behind the other, as have room; for messages that are all alike.
[[nodiscard]] Tried try_put_many(const QueueRef& queue, const std::byte* values, std::size_t count,
                                 std::size_t& done, LazyDeadline& limit);

/// Takes what `incoming` has room for. `entry`: of the book, plus one; 0 where none is kept.
[[nodiscard]] Tried try_get(const QueueRef& queue, Incoming& incoming, std::uint32_t entry,
                            LazyDeadline& limit);

/// Throws all messages away; they count as done.
void drop_messages(const QueueRef& queue);

/// Sets the state while no process is in the middle of a put.
void set_state(const QueueRef& queue, QueueState state);

}  // namespace multiprocessing::detail
