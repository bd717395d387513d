// What both sides do under their lock: step from ring to ring, and mend what a dead holder left.
#pragma once

#include "base/deadline.hpp"
#include "queues/queue_ref.hpp"

namespace multiprocessing::detail {

/// Holds one side's lock, unless it was not taken in time; what a dead holder left half done has
/// been mended.
class [[nodiscard]] PutLock {
 public:
  PutLock(const QueueRef& queue, LazyDeadline& limit);
  [[nodiscard]] bool held() const { return guard_.held(); }

 private:
  BiasedGuard guard_;
};
class [[nodiscard]] GetLock {
 public:
  GetLock(const QueueRef& queue, LazyDeadline& limit);
  [[nodiscard]] bool held() const { return guard_.held(); }

 private:
  BiasedGuard guard_;
};

/// Caches where the ring of `side` lies.
void look_at_ring(const QueueRef& queue, Side& side);

/// A larger ring for what comes from `tail` on, with `units` free at least. Throws OSError.
void add_ring(const QueueRef& queue, Position tail, std::uint32_t units);

/// To the ring in which the message at `head` lies.
void find_ring(const QueueRef& queue, Position head);

/// Where the link of a message in a ring is.
[[nodiscard]] Link& message_link(const QueueRef& queue, std::uint32_t ring, std::uint32_t index);

/// How many more messages the bound of the queue lets in, as far as is known.
[[nodiscard]] std::uint32_t items_left(const QueueBody& body, Position tail);

/// Units that are free in the ring, as far as is known.
[[nodiscard]] std::uint32_t units_left(const Side& put, Position tail);

inline std::uint32_t units_in(const Side& side) { return side.mask + 1; }

/// memcpy; in pieces where the two places differ by a little modulo 4096, for at once that is 20
/// times slower on some processors.
void copy_bytes(void* to, const void* from, std::size_t size);

/// Bytes into and out of a ring, from unit `at` on and `skip` bytes further.
void write_to_ring(const QueueRef& queue, const Side& side, std::uint32_t at, std::size_t skip,
                   const void* from, std::size_t size);
void read_from_ring(const QueueRef& queue, const Side& side, std::uint32_t at, void* into,
                    std::size_t size);

}  // namespace multiprocessing::detail
