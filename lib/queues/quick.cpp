#include "queues/quick.hpp"

#include <cstring>

#include "base/fail_point.hpp"
#include "queues/ring.hpp"

namespace multiprocessing::detail {
namespace {

/// Where a record lies, if it lies in one piece.
std::byte* record_at(QueueBody& body, const Side& side, std::uint32_t at) {
  const std::uint32_t place = (at - side.base) & side.mask;
  if (place + body.fixed_units > side.mask + 1) return nullptr;
  return reinterpret_cast<std::byte*>(&body) + side.ring + sizeof(RingHeader) +
         std::size_t{place} * 8;
}

void copy_record(void* to, const void* from, std::uint32_t size) {
  if (size == 8)
    std::memcpy(to, from, 8);
  else
    copy_bytes(to, from, size);
}

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

/// Under the lock: the place of the next record when it can be put right now.
std::byte* place_to_put(QueueBody& body, Position tail) {
  const Side& put = body.put;
  const Position freed = Position::from(put.other);
  if (body.state.load(std::memory_order_relaxed) != QueueState::open ||
      put.ring_index.load(std::memory_order_relaxed) == 0)
    return nullptr;
  const QueueShape& shape = body.shape;
  if (shape.max_items != 0 && tail.items - freed.items >= shape.max_items) return nullptr;
  const bool in_this_ring = static_cast<std::int32_t>(freed.units - put.base) > 0;
  const std::uint32_t used = tail.units - (in_this_ring ? freed.units : put.base);
  if (put.mask + 1 - used < body.fixed_units) return nullptr;
  return record_at(body, put, tail.units);
}

bool is_quick(const QueueBody& body) {
  return body.fixed_units != 0 && body.shape.max_bytes == 0 &&
         body.shape.kind != QueueKind::joinable;
}

}  // namespace

bool put_quickly(QueueBody& body, const void* value) {
  if (!is_quick(body) || !body.put.lock.acquire_if_free()) return false;
  fail_point("queue.put.locked");
  const Position tail = body.tail.get(std::memory_order_relaxed);
  std::byte* const place = place_to_put(body, tail);
  if (place != nullptr) {
    fetch_ahead(body, body.put, tail.units, true);
    copy_record(place, value, body.shape.flat_size);
    fail_point("queue.put.filled");
    body.tail.word.store(Position{tail.items + 1, tail.units + body.fixed_units}.packed(),
                         std::memory_order_release);  // the commit
    fail_point("queue.put.published");
  }
  body.put.lock.release();
  return place != nullptr;
}

bool get_quickly(QueueBody& body, void* into, bool& more) {
  if (!is_quick(body) || !body.get.lock.acquire_if_free()) return false;
  fail_point("queue.get.locked");
  const Side& get = body.get;
  const Position head = body.head.get(std::memory_order_relaxed);
  std::byte* place = nullptr;
  // Known of, and not on the way to the next ring.
  if (get.other != head.packed() &&
      body.state.load(std::memory_order_relaxed) != QueueState::shut &&
      get.ring_index.load(std::memory_order_relaxed) != 0) {
    const auto& ring =
        *reinterpret_cast<const RingHeader*>(reinterpret_cast<const std::byte*>(&body) + get.ring);
    if (ring.sealed.load(std::memory_order_acquire) == 0) place = record_at(body, get, head.units);
  }
  if (place != nullptr) {
    if (Position::from(get.other).units - head.units > units_ahead)
      fetch_ahead(body, get, head.units, false);
    copy_record(into, place, body.shape.flat_size);
    fail_point("queue.get.copied");
    const Position after{head.items + 1, head.units + body.fixed_units};
    body.head.word.store(after.packed(), std::memory_order_release);  // the commit
    fail_point("queue.get.freed");
    more = get.other != after.packed();
  }
  body.get.lock.release();
  return place != nullptr;
}

}  // namespace multiprocessing::detail
