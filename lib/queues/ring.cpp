// One try at a put or a get: what happens while a side's lock is held.
#include "queues/ring.hpp"

#include <algorithm>

#include "base/fail_point.hpp"
#include "queues/book.hpp"
#include "queues/side.hpp"

namespace multiprocessing::detail {
namespace {

constexpr Pacing pacing{
    .looks = 16, .few = 16, .many = 64, .first = 64, .longest = 512, .rest = 32};

// ---- puts ----

/// Looks at the other side; what it has freed or published since.
std::uint32_t look_across(Side& side, const PublishedPosition& other) {
  const Position before = Position::from(side.other);
  side.other = other.word.load(std::memory_order_acquire);
  const std::uint32_t news = Position::from(side.other).items - before.items;
  if (news != 0) side.pace.note(pacing, news);
  side.lock().came(news);
  return news;
}

bool bytes_left(const QueueBody& body, Position tail, std::uint64_t size) {
  if (body.shape.max_bytes == 0) return true;
  const std::uint64_t held = body.put.bytes.load() - body.get.bytes.load();
  return held + size <= body.shape.max_bytes || body.head.get() == tail;
}

/// Room in a ring: in this one, looking across if need be, or in the next.
void make_room(const QueueRef& queue, Position tail, std::uint32_t units) {
  Side& put = queue.body.put;
  if (units_left(put, tail) >= units) return;
  look_across(put, queue.body.head);
  if (units_left(put, tail) < units) add_ring(queue, tail, units);
}

/// The next link for an object; in a larger ring if all are used.
std::uint32_t free_message_link(const QueueRef& queue, Position tail) {
  Side& put = queue.body.put;
  const std::uint32_t next = queue.ring(put).next_link;
  if (message_link(queue, put.ring_index.load(), next).load() == 0) return next;
  add_ring(queue, tail, 2);
  return 0;
}

void begin(Pending& pending, std::uint32_t what, std::uint32_t index, std::uint32_t ring,
           Position from, Position to, std::uint64_t totally) {
  pending.index.store(index, std::memory_order_relaxed);
  pending.ring_index.store(ring, std::memory_order_relaxed);
  pending.from.store(from.packed(), std::memory_order_relaxed);
  pending.to.store(to.packed(), std::memory_order_relaxed);
  pending.totally.store(totally, std::memory_order_relaxed);
  pending.what.store(what, std::memory_order_release);
  fail_point("queue.pending.begun");
}

void write_record(const QueueRef& queue, Position tail, const Outgoing& outgoing,
                  std::uint32_t value) {
  const Side& put = queue.body.put;
  if (queue.body.fixed_units != 0) {
    write_to_ring(queue, put, tail.units, 0, outgoing.first.data, outgoing.first.size);
    return;
  }
  const RecordHeader header{outgoing.kind, value};
  write_to_ring(queue, put, tail.units, 0, &header, sizeof header);
  if (outgoing.kind == RecordKind::inlined) {
    write_to_ring(queue, put, tail.units + 1, 0, outgoing.first.data, outgoing.first.size);
    write_to_ring(queue, put, tail.units + 1, outgoing.first.size, outgoing.second.data,
                  outgoing.second.size);
  } else {
    write_to_ring(queue, put, tail.units + 1, 0, &outgoing.size, sizeof outgoing.size);
  }
}

std::uint32_t units_of(const QueueBody& body, const Outgoing& outgoing) {
  if (body.fixed_units != 0) return body.fixed_units;
  return outgoing.kind == RecordKind::inlined
             ? 1 + static_cast<std::uint32_t>(outgoing.size + 7) / 8
             : 2;
}

/// The pending note of a put of which more than the tail has to be right; the record's value.
std::uint32_t begin_put(const QueueRef& queue, Position tail, Position after,
                        const Outgoing& outgoing, std::uint32_t link) {
  QueueBody& body = queue.body;
  const std::uint64_t totally = body.put.bytes.load(std::memory_order_relaxed) + outgoing.size;
  switch (outgoing.kind) {
    case RecordKind::slot:
      begin(body.put_pending, Pending::slot, outgoing.slot, 0, tail, after, totally);
      queue.slot(outgoing.slot).queued_as.store(tail.packed() + 1);
      fail_point("queue.slot.queued");
      queue.slot(outgoing.slot).lock.release();  // for the reader, which may be quick
      return outgoing.slot;
    case RecordKind::object:
      begin(body.put_pending, Pending::object, link, body.put.ring_index.load(), tail, after,
            totally);
      hold(message_link(queue, body.put.ring_index.load(), link), *outgoing.object);
      fail_point("queue.object.held");
      return link;
    case RecordKind::inlined:
      break;
  }
  if (body.shape.max_bytes != 0)
    begin(body.put_pending, Pending::bytes, 0, 0, tail, after, totally);
  return static_cast<std::uint32_t>(outgoing.size);
}

void end_put(const QueueRef& queue, const Outgoing& outgoing) {
  QueueBody& body = queue.body;
  if (outgoing.kind == RecordKind::inlined && body.shape.max_bytes == 0) return;
  if (body.shape.max_bytes != 0) body.put.bytes.store(body.put_pending.totally.load());
  if (outgoing.kind == RecordKind::object) {
    RingHeader& ring = queue.ring(body.put);
    ring.next_link = (ring.next_link + 1) % ring.links;
  }
  fail_point("queue.put.before_end");
  body.put_pending.what.store(Pending::nothing, std::memory_order_release);
}

/// Whether the bounds let one more in, looking across if need be.
bool may_put(QueueBody& body, Position tail, std::uint64_t size) {
  if (items_left(body, tail) == 0) {
    look_across(body.put, body.head);
    if (items_left(body, tail) == 0) return false;
  }
  return bytes_left(body, tail, size);
}

}  // namespace

Tried try_put(const QueueRef& queue, const Outgoing& outgoing, LazyDeadline& limit) {
  QueueBody& body = queue.body;
  const PutLock lock{queue, limit};
  if (!lock.held()) return Tried::not_in_time;
  if (body.state.load(std::memory_order_relaxed) != QueueState::open) return Tried::shut_down;
  const Position tail = body.tail.get(std::memory_order_relaxed);
  if (!may_put(body, tail, outgoing.size)) return Tried::not_now;
  const std::uint32_t units = units_of(body, outgoing);
  make_room(queue, tail, units);
  const Position after{tail.items + 1, tail.units + units};
  const std::uint32_t link =
      outgoing.kind == RecordKind::object ? free_message_link(queue, tail) : 0;
  write_record(queue, tail, outgoing, begin_put(queue, tail, after, outgoing, link));
  fail_point("queue.put.filled");
  body.tail.word.store(after.packed(), std::memory_order_release);  // the commit
  fail_point("queue.put.published");
  end_put(queue, outgoing);
  return Tried::done;
}

Tried try_put_many(const QueueRef& queue, const std::byte* values, std::size_t count,
                   std::size_t& done, LazyDeadline& limit) {
  QueueBody& body = queue.body;
  const std::size_t size = body.shape.flat_size;
  const PutLock lock{queue, limit};
  if (!lock.held()) return Tried::not_in_time;
  if (body.state.load(std::memory_order_relaxed) != QueueState::open) return Tried::shut_down;
  Position tail = body.tail.get(std::memory_order_relaxed);
  if (!may_put(body, tail, size)) return Tried::not_now;
  make_room(queue, tail, body.fixed_units);
  const auto room = std::min(items_left(body, tail), units_left(body.put, tail) / body.fixed_units);
  done = std::min<std::size_t>(count, room);
  for (std::size_t i = 0; i < done; ++i, tail.units += body.fixed_units, ++tail.items)
    write_to_ring(queue, body.put, tail.units, 0, values + i * size, size);
  fail_point("queue.put.filled");
  body.tail.word.store(tail.packed(), std::memory_order_release);  // the commit
  fail_point("queue.put.published");
  return Tried::done;
}

// ---- gets ----

namespace {

/// Frees the records before `after`, and books what has to be right at the same moment. `index` is
/// of a slot or a message's link.
void commit_get(const QueueRef& queue, Position head, Position after, std::uint32_t what,
                std::uint32_t index, std::uint64_t size, std::uint32_t entry) {
  QueueBody& body = queue.body;
  const std::uint32_t ring = body.get.ring_index.load(std::memory_order_relaxed);
  if (body.shape.max_bytes != 0 || entry != 0) what = std::max<std::uint32_t>(what, Pending::bytes);
  const std::uint64_t totally = body.get.bytes.load(std::memory_order_relaxed) + size;
  const std::uint32_t got = booked(queue, entry) + (after.items - head.items);
  if (what != Pending::nothing) {
    body.get_pending.entry.store(entry, std::memory_order_relaxed);
    body.get_pending.booked.store(got, std::memory_order_relaxed);
    begin(body.get_pending, what, index, ring, head, after, totally);
  }
  fail_point("queue.get.copied");
  body.head.word.store(after.packed(), std::memory_order_release);  // the commit
  fail_point("queue.get.freed");
  if (what == Pending::nothing) return;
  if (body.shape.max_bytes != 0) body.get.bytes.store(totally);
  book(queue, entry, got);
  if (what == Pending::slot) {
    fail_point("queue.slot.taken");
    queue.slot(index).queued_as.store(0);
  }
  if (what == Pending::object) release(message_link(queue, ring, index));
  fail_point("queue.get.before_end");
  body.get_pending.what.store(Pending::nothing, std::memory_order_release);
}

/// Several records that are all alike.
void take_fixed(const QueueRef& queue, Position head, Incoming& incoming, std::uint32_t entry) {
  QueueBody& body = queue.body;
  Side& get = body.get;
  const std::size_t size = body.shape.flat_size;
  std::uint32_t there = Position::from(get.other).items - head.items;
  if (const std::uint64_t sealed = queue.ring(get).sealed.load(std::memory_order_acquire))
    there = std::min(there, (static_cast<std::uint32_t>(sealed) - head.units) / body.fixed_units);
  incoming.count = std::min<std::size_t>(incoming.most, there);
  Position after = head;
  for (std::size_t i = 0; i < incoming.count; ++i, ++after.items, after.units += body.fixed_units)
    read_from_ring(queue, get, after.units, incoming.into + i * size, size);
  commit_get(queue, head, after, Pending::nothing, 0, size * incoming.count, entry);
  incoming.more = get.other != after.packed();
}

/// One record with a header; false when its slot is not free in time.
bool take_one(const QueueRef& queue, Position head, Incoming& incoming, std::uint32_t entry,
              LazyDeadline& limit) {
  Side& get = queue.body.get;
  RecordHeader header{};
  read_from_ring(queue, get, head.units, &header, sizeof header);
  incoming.kind = header.kind;
  incoming.count = 1;
  std::uint32_t units = 2;
  if (header.kind == RecordKind::inlined) {
    incoming.size = header.value;
    units = 1 + (header.value + 7) / 8;
    if (incoming.into != nullptr)
      read_from_ring(queue, get, head.units + 1, incoming.into, header.value);
  } else {
    read_from_ring(queue, get, head.units + 1, &incoming.size, sizeof incoming.size);
  }
  const Position after{head.items + 1, head.units + units};
  std::uint32_t what = Pending::nothing;
  if (header.kind == RecordKind::slot) {
    what = Pending::slot;
    incoming.slot = header.value;
    // Mapped while the message is still in the queue, for a process that is refused the memory does
    // not get it.
    static_cast<void>(data_of(queue.slot_link(header.value)));
    // The reader holds it, so that its death shows. It is free, but for a producer that looks for
    // a slot just now; as that one may be stopped, the message is not taken before.
    OwnerLock& slot = queue.slot(header.value).lock;
    if (!slot.acquire_if_free() && slot.acquire(limit.for_lock()) == OwnerLock::Taken::not_in_time)
      return false;
  } else if (header.kind == RecordKind::object) {
    what = Pending::object;
    incoming.object = handle_from(message_link(queue, get.ring_index.load(), header.value));
    fail_point("queue.object.received");
  }
  commit_get(queue, head, after, what, header.value, incoming.size, entry);
  incoming.more = get.other != after.packed();
  return true;
}

/// Whether there is a message at `head`, looking across if need be.
bool something_at(QueueBody& body, Position head) {
  if (body.get.other != head.packed()) return true;
  look_across(body.get, body.tail);
  return body.get.other != head.packed();
}

}  // namespace

Tried try_get(const QueueRef& queue, Incoming& incoming, std::uint32_t entry, LazyDeadline& limit) {
  QueueBody& body = queue.body;
  const GetLock lock{queue, limit};
  if (!lock.held()) return Tried::not_in_time;
  const QueueState state = body.state.load();  // before the look: once shut down nothing comes
  if (state == QueueState::shut) return Tried::shut_down;
  const Position head = body.head.get(std::memory_order_relaxed);
  if (!something_at(body, head))
    return state == QueueState::open ? Tried::not_now : Tried::shut_down;
  find_ring(queue, head);
  if (body.fixed_units != 0)
    take_fixed(queue, head, incoming, entry);
  else if (!take_one(queue, head, incoming, entry, limit))
    return Tried::not_in_time;
  return Tried::done;
}

void drop_messages(const QueueRef& queue) {
  QueueBody& body = queue.body;
  LazyDeadline limit{Timeout::forever};
  const GetLock lock{queue, limit};
  for (;;) {
    const Position head = body.head.get(std::memory_order_relaxed);
    if (!something_at(body, head)) return;
    find_ring(queue, head);
    if (body.fixed_units != 0) {
      const Position after{head.items + 1, head.units + body.fixed_units};
      commit_get(queue, head, after, Pending::nothing, 0, body.shape.flat_size, dropped_entry);
      continue;
    }
    Incoming dropped;
    if (!take_one(queue, head, dropped, dropped_entry, limit)) continue;
    if (dropped.kind == RecordKind::slot) queue.slot(dropped.slot).lock.release();
  }
}

void set_state(const QueueRef& queue, QueueState state) {
  LazyDeadline limit{Timeout::forever};
  const PutLock lock{queue, limit};
  if (queue.body.state.load() < state) queue.body.state.store(state);
}

}  // namespace multiprocessing::detail
