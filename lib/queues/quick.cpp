#include "queues/quick.hpp"

#include <algorithm>

#include "queues/side.hpp"

namespace multiprocessing::detail {
namespace {

using Points = WithFailPoints;

// What is written next lies in the other side's cache, and the lock's release would wait for it.
constexpr std::uint32_t units_ahead = 64;

void fetch_ahead(QueueBody& body, const Side& side, std::uint32_t at, bool to_write) {
  const std::uint32_t place = (at + units_ahead - side.base) & side.mask;
  const std::byte* line =
      reinterpret_cast<std::byte*>(&body) + side.ring + sizeof(RingHeader) + std::size_t{place} * 8;
  if (!to_write) {
    __builtin_prefetch(line, 0);
    return;
  }
#if defined(__x86_64__)
  // By hand, for compilers make a prefetch for reading of it: the line would change hands twice.
  asm volatile("prefetchw %0" : : "m"(*line));
#else
  __builtin_prefetch(line, 1);
#endif
}

bool is_quick(const QueueBody& body) {
  return body.fixed_units != 0 && body.shape.max_bytes == 0 &&
         body.shape.kind != QueueKind::joinable;
}

/// From `next` on, at most `units`, which are in the ring of `side`.
Stretch stretch_from(const Side& side, Position next, std::uint32_t units) {
  const std::uint32_t place = (next.units - side.base) & side.mask;
  return {
      .from = next.units,
      .until = next.units + std::min(units, units_in(side) - place),
      .place = side.ring + static_cast<std::int64_t>(sizeof(RingHeader) + std::size_t{place} * 8)};
}

void find_stretch_to_put(QueueBody& body, Position tail) {
  const std::uint64_t units = std::min(std::uint64_t{items_left(body, tail)} * body.fixed_units,
                                       std::uint64_t{units_left(body.put, tail)});
  body.put_stretch = stretch_from(body.put, tail, static_cast<std::uint32_t>(units));
}

void find_stretch_to_get(QueueBody& body, Position head) {
  const Side& get = body.get;
  if (get.ring_index.load(std::memory_order_relaxed) == 0 || told_of_windows()) return;
  // Looked at after the tail: what is known of lies in this ring, or it is sealed.
  std::uint32_t there = Position::from(get.other).units - head.units;
  if (const std::uint64_t sealed = ring_of(body, get).sealed.load(std::memory_order_acquire))
    there = std::min(there, static_cast<std::uint32_t>(sealed) - head.units);
  body.get_stretch = stretch_from(get, head, there);
}

void copy_record(void* to, const void* from, std::uint32_t size) {
  if (size == 8)
    std::memcpy(to, from, 8);
  else
    copy_bytes(to, from, size);
}

}  // namespace

bool put_quickly(QueueBody& body, const void* value) {
  if (!is_quick(body)) return false;
  const BiasedLock lock = body.put.lock();
  const BiasedLock::Way way = lock.acquire_quickly();
  if (way == BiasedLock::Way::not_taken) return false;
  fail_point("queue.put.locked");
  const Position tail = body.tail.get(std::memory_order_relaxed);
  std::byte* place = place_to_put(body, tail);
  if (place == nullptr) {
    find_stretch_to_put(body, tail);
    place = place_to_put(body, tail);
  }
  if (place != nullptr) {
    fetch_ahead(body, body.put, tail.units, true);
    copy_record(place, value, body.shape.flat_size);
    publish_record<Points>(body, tail);
  }
  lock.release(way);
  return place != nullptr;
}

Got get_quickly(QueueBody& body, void* into) {
  if (!is_quick(body)) return Got::not_tried;
  const BiasedLock lock = body.get.lock();
  const BiasedLock::Way way = lock.acquire_quickly();
  if (way == BiasedLock::Way::not_taken) return Got::not_tried;
  fail_point("queue.get.locked");
  const Side& get = body.get;
  const Position head = body.head.get(std::memory_order_relaxed);
  Got got = known_at(body, head);
  const std::byte* place = place_to_get(body, head);
  if (place == nullptr) {
    find_stretch_to_get(body, head);
    place = place_to_get(body, head);
  }
  if (place != nullptr) {
    if (Position::from(get.other).units - head.units > units_ahead)
      fetch_ahead(body, get, head.units, false);
    copy_record(into, place, body.shape.flat_size);
    got = free_record<Points>(body, head);
  }
  lock.release(way);
  return got;
}

}  // namespace multiprocessing::detail
