#include "queues/side.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "arena/windows.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "queues/book_entries.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::uint32_t least_units = 128;          // 1 KiB: the first ring
constexpr std::uint32_t most_first_units = 8192;    // 64 KiB, where the bound asks for it
constexpr std::uint32_t most_units = 1U << 27;      // 1 GiB: larger ones are not reserved at once
constexpr std::uint32_t units_for_good = 1U << 19;  // 4 MiB: a larger ring goes when it is empty

void mend_put(const QueueRef& queue) {
  QueueBody& body = queue.body;
  Pending& pending = body.put_pending;
  if (const auto what = pending.what.load(); what != Pending::nothing) {
    const std::uint32_t index = pending.index.load();
    const bool published = body.tail.word.load() == pending.to.load();
    if (published && body.shape.max_bytes != 0) body.put.bytes.store(pending.totally.load());
    if (what == Pending::slot && !published) {
      std::uint64_t queued_as = pending.from.load() + 1;
      queue.slot(index).queued_as.compare_exchange_strong(queued_as, 0);
    }
    if (what == Pending::object) {
      const std::uint32_t ring = pending.ring_index.load();
      if (!published)
        release(message_link(queue, ring, index));
      else if (auto* header = static_cast<RingHeader*>(data_of(queue.ring_link(ring))))
        // The ring is there: a reader leaves it once it is sealed, for which this lock is needed.
        header->next_link = (index + 1) % header->links;
    }
    fail_point("queue.put.mended");
    pending.what.store(Pending::nothing);
  }
  look_at_ring(queue, body.put);
  while (body.put.ring_index.load() != 0 && queue.ring(body.put).sealed.load() != 0) {
    body.put.ring_index.fetch_add(1);
    look_at_ring(queue, body.put);
  }
}

void mend_get(const QueueRef& queue) {
  QueueBody& body = queue.body;
  Pending& pending = body.get_pending;
  if (const auto what = pending.what.load(); what != Pending::nothing) {
    if (body.head.word.load() == pending.to.load()) {
      if (body.shape.max_bytes != 0) body.get.bytes.store(pending.totally.load());
      if (what == Pending::slot) {
        std::uint64_t queued_as = pending.from.load() + 1;
        queue.slot(pending.index.load()).queued_as.compare_exchange_strong(queued_as, 0);
      }
      if (what == Pending::object)
        release(message_link(queue, pending.ring_index.load(), pending.index.load()));
      book(queue, pending.entry.load(), pending.booked.load());
    }
    fail_point("queue.get.mended");
    pending.what.store(Pending::nothing);
  }
  // The ring that it had just left; add_ring() leaves this link alone while we may be at it.
  const std::uint32_t ring = body.get.ring_index.load();
  if (ring > 1) release(queue.ring_link(ring - 1));
  look_at_ring(queue, body.get);
}

/// How large the next ring is to be.
std::uint32_t next_units(const QueueBody& body, Position tail, std::uint32_t needed) {
  const QueueShape& shape = body.shape;
  std::uint64_t wanted = least_units;
  if (body.put.ring_index.load() == 0) {
    if (body.fixed_units != 0 && shape.max_items != 0)
      wanted = std::min<std::uint64_t>(std::uint64_t{shape.max_items} * body.fixed_units,
                                       most_first_units);
  } else if (body.head.get() == tail && units_in(body.put) > units_for_good) {
    wanted = most_first_units;
  } else {
    wanted = std::min(2 * units_in(body.put), most_units);
  }
  return std::bit_ceil(static_cast<std::uint32_t>(
      std::max<std::uint64_t>({wanted, least_units, std::uint64_t{needed} * 4})));
}

/// Another process may have gone on to a ring that this one has not mapped.
void map_ring(const QueueRef& queue, const Side& side) {
  if (told_of_windows() && side.ring_index.load(std::memory_order_relaxed) != 0) [[unlikely]]
    map_told_windows(&queue.ring(side), sizeof(RingHeader) + std::size_t{units_in(side)} * 8);
}

}  // namespace

PutLock::PutLock(const QueueRef& queue, LazyDeadline& limit)
    : guard_(queue.body.put.lock(), limit) {
  if (!held()) return;
  queue.body.put_stretch.until = queue.body.tail.get(std::memory_order_relaxed).units;
  guard_.mend_if_dead([&] { mend_put(queue); });
  map_ring(queue, queue.body.put);
  fail_point("queue.put.locked");
}

GetLock::GetLock(const QueueRef& queue, LazyDeadline& limit)
    : guard_(queue.body.get.lock(), limit) {
  if (!held()) return;
  queue.body.get_stretch.until = queue.body.head.get(std::memory_order_relaxed).units;
  guard_.mend_if_dead([&] { mend_get(queue); });
  map_ring(queue, queue.body.get);
  fail_point("queue.get.locked");
}

std::uint32_t items_left(const QueueBody& body, Position tail) {
  if (body.shape.max_items == 0) return ~std::uint32_t{0};
  return body.shape.max_items - (tail.items - Position::from(body.put.other).items);
}

std::uint32_t units_left(const Side& put, Position tail) {
  if (put.ring_index.load(std::memory_order_relaxed) == 0) return 0;
  const std::uint32_t freed = Position::from(put.other).units;
  const bool in_this_ring = static_cast<std::int32_t>(freed - put.base) > 0;
  return units_in(put) - (tail.units - (in_this_ring ? freed : put.base));
}

Link& message_link(const QueueRef& queue, std::uint32_t ring, std::uint32_t index) {
  return links_of(queue.ring_link(ring))[index];
}

void look_at_ring(const QueueRef& queue, Side& side) {
  const std::uint32_t index = side.ring_index.load();
  if (index == 0) return;
  const auto* header = static_cast<const RingHeader*>(data_of(queue.ring_link(index)));
  side.ring =
      reinterpret_cast<const std::byte*>(header) - reinterpret_cast<const std::byte*>(&queue.body);
  side.base = header->base;
  side.mask = header->mask;
}

void add_ring(const QueueRef& queue, Position tail, std::uint32_t needed) {
  QueueBody& body = queue.body;
  const std::uint32_t old = body.put.ring_index.load();
  const std::uint32_t units = next_units(body, tail, needed);
  // One link stays free: of the ring that a reader has left and may still be releasing.
  const bool too_many = old + 1 - body.get.ring_index.load() >= ring_links - 1;
  const std::uint32_t held = tail.units - body.head.get().units;
  if (too_many || std::uint64_t{held} + units > std::uint64_t{1} << 31)
    throw_os_error(ENOMEM, "queue", "16 GiB of small messages wait in it");
  Link& link = queue.ring_link(old + 1);
  release(link);  // of a process that died before it was a ring of the queue
  const std::uint32_t links = body.fixed_units != 0 ? 1 : units / 16;
  Block block{sizeof(RingHeader) + std::size_t{units} * 8, links};
  new (block.data()) RingHeader{
      .base = tail.units, .mask = units - 1, .links = links, .next_link = 0, .sealed = 0};
  std::move(block).give_to(link);
  fail_point("queue.ring.given");
  if (old != 0) {
    // The commit: from here on readers go on to the next ring at this place.
    queue.ring(body.put).sealed.store(RingHeader::seal | tail.units, std::memory_order_release);
    fail_point("queue.ring.sealed");
  }
  body.put.ring_index.store(old + 1, std::memory_order_release);
  look_at_ring(queue, body.put);
}

void find_ring(const QueueRef& queue, Position head) {
  Side& get = queue.body.get;
  for (;;) {
    const std::uint32_t index = get.ring_index.load(std::memory_order_relaxed);
    if (index != 0 &&
        queue.ring(get).sealed.load(std::memory_order_acquire) != (RingHeader::seal | head.units))
      return;
    static_cast<void>(data_of(queue.ring_link(index + 1)));  // throws now, if it cannot be mapped
    get.ring_index.store(index + 1, std::memory_order_release);  // the commit
    fail_point("queue.ring.left");
    if (index != 0) release(queue.ring_link(index));
    look_at_ring(queue, get);
  }
}

void copy_bytes(void* to, const void* from, std::size_t size) {
  constexpr std::size_t piece = 2048;
  constexpr std::uintptr_t page = 4096;
  constexpr std::uintptr_t a_little = 64;
  const auto apart =
      (reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from)) % page;
  const std::size_t step = apart == 0 || apart >= a_little ? size : piece;
  auto* into = static_cast<std::byte*>(to);
  const auto* out_of = static_cast<const std::byte*>(from);
  for (; size > step; size -= step, into += step, out_of += step) std::memcpy(into, out_of, step);
  if (size != 0) std::memcpy(into, out_of, size);
}

void write_to_ring(const QueueRef& queue, const Side& side, std::uint32_t at, std::size_t skip,
                   const void* from, std::size_t size) {
  auto* units = reinterpret_cast<std::byte*>(&queue.ring(side) + 1);
  const std::size_t bytes = std::size_t{units_in(side)} * 8;
  const std::size_t place = (std::size_t{(at - side.base) & side.mask} * 8 + skip) & (bytes - 1);
  const std::size_t first = std::min(size, bytes - place);
  copy_bytes(units + place, from, first);
  if (first < size) copy_bytes(units, static_cast<const std::byte*>(from) + first, size - first);
}

void read_from_ring(const QueueRef& queue, const Side& side, std::uint32_t at, void* into,
                    std::size_t size) {
  const auto* units = reinterpret_cast<const std::byte*>(&queue.ring(side) + 1);
  const std::size_t bytes = std::size_t{units_in(side)} * 8;
  const std::size_t place = std::size_t{(at - side.base) & side.mask} * 8;
  const std::size_t first = std::min(size, bytes - place);
  copy_bytes(into, units + place, first);
  if (first < size) copy_bytes(static_cast<std::byte*>(into) + first, units, size - first);
}

}  // namespace multiprocessing::detail
