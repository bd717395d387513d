#include "multiprocessing/detail/queue_core.hpp"

#include <cerrno>

#include "arena/handles.hpp"
#include "arena/message_handles.hpp"
#include "base/fail_point.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "process/envelope.hpp"
#include "queues/book.hpp"
#include "queues/local.hpp"
#include "queues/patience.hpp"
#include "queues/quick.hpp"
#include "queues/side.hpp"
#include "queues/slots.hpp"
#include "queues/views.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::chrono::nanoseconds now{0};
constexpr std::chrono::seconds time_to_keep{5};

[[noreturn]] void throw_shut_down() { throw ShutDown("the queue was shut down"); }

[[noreturn]] void throw_unread(const QueueRef& queue) {
  throw_os_error(EPIPE, "put", "no reader of the queue is left: " + last_reader(queue).what);
}

bool has_more_room(const QueueBody& body) {
  const std::uint32_t held = body.tail.get().items - body.head.get().items;
  return body.shape.max_items == 0 || held < body.shape.max_items;
}

/// What follows a put: consumers that wait for it are told.
void after_put(QueueBody& body) {
  if (const std::uint32_t wanted = body.get_wanted.load(); wanted != 0) {
    fail_point("queue.put.before_wake");
    wake_one(body.get_wanted, body.tail);
    if ((wanted & bells_wanted) != 0) ring_bells(body);
  }
  // A get wakes one producer, however much room it has made: that one wakes the next.
  if (body.put_wanted.load(std::memory_order_relaxed) != 0 && has_more_room(body))
    wake_one(body.put_wanted, body.head);
}

void after_get(const QueueRef& queue, bool more) {
  QueueBody& body = queue.body;
  fail_point("queue.get.before_wake");
  wake_one(body.put_wanted, body.head);
  if (more) return wake_one(body.get_wanted, body.tail);
  if (queue.handle.local_part() == nullptr) return;
  const QueueLocal* local = local_of(queue.handle);
  if (local != nullptr && local->bell.load() != nullptr) local->bell.load()->arm(queue);
}

/// Tries until it is done or the time is up.
template <class Try>
bool insist_on_put(const QueueRef& queue, LazyDeadline& limit, Try once) {
  QueueBody& body = queue.body;
  const Side& side = body.put;
  Patience patience{body, body.head, body.put_wanted, side, body.get, "Queue.put"};
  // A producer that is woken may find no room for its message where there is some for another's,
  // and no wake tells of the last reader's end.
  const bool for_views = had_views(queue, QueueEnd::reader);
  if (body.shape.max_bytes != 0 || for_views) patience.rely_on_nobody();
  bool unread = false;
  for (bool noted = false;; noted = true) {
    // Not before the first try: looking at the other side costs more than all the rest.
    if (noted) patience.note();
    const Tried tried = once();
    if (tried == Tried::shut_down) throw_shut_down();
    if (tried == Tried::done) {
      after_put(body);
      return true;
    }
    if (unread) throw_unread(queue);
    const bool at_once = tried == Tried::not_in_time || limit.at_once();
    if (for_views && (at_once || patience.slept_in_vain())) {
      unread = !has_views(queue, QueueEnd::reader);
      if (unread) continue;  // for which the last one may have made room before it went
    }
    if (at_once) return false;
    if (!noted) {
      side.pace.let_ahead();
      continue;
    }
    if (!patience.wait(limit.get())) return false;
  }
}

template <class Try>
bool insist_on_get(const QueueRef& queue, const GetWait& wait, LazyDeadline& limit,
                   Incoming& incoming, Try once) {
  QueueBody& body = queue.body;
  const Side& side = body.get;
  Patience patience{body, body.tail, body.get_wanted, side, body.put, "Queue.get"};
  if (wait.while_written) {
    patience.rely_on_nobody();  // no wake tells of the last writer's end
    enrol_reader(queue);
  }
  bool orphaned = false;
  for (bool noted = false;; noted = true) {
    if (noted) patience.note();
    const Tried tried = once();
    if (tried == Tried::shut_down) throw_shut_down();
    if (tried == Tried::done) {
      after_get(queue, incoming.more);
      return true;
    }
    if (tried == Tried::not_in_time) return false;
    if (orphaned) check_interruption(), throw EOFError("no writer of the queue is left");
    const bool at_once = limit.at_once();
    if (wait.while_written && (at_once || patience.slept_in_vain())) {
      orphaned = !has_views(queue, QueueEnd::writer);
      if (orphaned) continue;  // what the last one put before it went
    }
    if (!noted && !at_once) {
      side.pace.let_ahead();
      continue;
    }
    if (at_once || !patience.wait(limit.get())) {
      after_get(queue, false);  // arms this process's bell, for the queue is empty
      return false;
    }
  }
}

Handle make_object(Piece first, Piece second, const Envelope* envelope) {
  const std::size_t links = envelope == nullptr ? 0 : envelope->handles().size();
  Handle object = Handle::make(first.size + second.size, links);
  auto* to = object.as<std::byte>();
  copy_bytes(to, first.data, first.size);
  copy_bytes(to + first.size, second.data, second.size);
  if (links != 0) envelope->hold_by(links_of(object));
  return object;
}

bool put_slot(const QueueRef& queue, HeldSlot slot, Piece first, Piece second,
              LazyDeadline& limit) {
  copy_bytes(slot.memory(), first.data, first.size);
  copy_bytes(slot.memory() + first.size, second.data, second.size);
  fail_point("queue.slot.filled");
  const Outgoing outgoing{
      .kind = RecordKind::slot, .size = first.size + second.size, .slot = slot.index()};
  return insist_on_put(queue, limit, [&] {
    const Tried tried = try_put(queue, outgoing, limit);
    if (tried == Tried::done) slot.forget();
    return tried;
  });
}

/// Puts a message, and what it mentions in `envelope`, or nothing.
bool put_bytes(const QueueRef& queue, Piece first, Piece second, const Envelope* envelope,
               Timeout timeout) {
  const bool plain = envelope == nullptr || envelope->handles().empty();
  LazyDeadline limit{timeout};
  const std::size_t size = first.size + second.size;
  if (plain && size <= largest_inline) {
    const Outgoing outgoing{.size = size, .first = first, .second = second};
    return insist_on_put(queue, limit, [&] { return try_put(queue, outgoing, limit); });
  }
  if (plain)
    if (std::optional<HeldSlot> slot = HeldSlot::claim(queue, size, limit))
      return put_slot(queue, std::move(*slot), first, second, limit);
  const Handle object = make_object(first, second, envelope);
  fail_point("queue.object.made");
  const Outgoing outgoing{.kind = RecordKind::object, .size = size, .object = &object};
  return insist_on_put(queue, limit, [&] { return try_put(queue, outgoing, limit); });
}

/// Leaves the ends until the message is received; false when there was no time for that.
bool leave_ends(Envelope& envelope, Timeout& timeout) {
  if (envelope.ends().empty()) return true;
  // A producer that does not want to wait means for room: this is part of making the message,
  // unless the broker that is to keep the ends is stopped.
  const Deadline deadline{timeout == Timeout{now} ? Timeout{time_to_keep} : timeout};
  if (!envelope.leave_ends(deadline)) return false;
  if (timeout != Timeout{now} && !deadline.is_never()) timeout = deadline.left();
  return true;
}

/// Gets one message and gives its bytes to `use`, together with the links of handles in it.
template <class Use>
bool get_bytes(const QueueRef& queue, const GetWait& wait, Use use) {
  alignas(std::max_align_t) std::byte inlined[largest_inline];
  Incoming incoming{.into = inlined};
  LazyDeadline limit{wait.timeout};
  const std::optional<std::uint32_t> entry = entry_of(queue, limit);
  if (!entry || !insist_on_get(queue, wait, limit, incoming,
                               [&] { return try_get(queue, incoming, *entry, limit); }))
    return false;
  switch (incoming.kind) {
    case RecordKind::inlined:
      use(std::span{inlined, incoming.size}, std::span<const Link>{});
      break;
    case RecordKind::slot: {
      const HeldSlot slot{queue, incoming.slot};
      use(std::span{slot.memory(), incoming.size}, std::span<const Link>{});
      break;
    }
    case RecordKind::object:
      use(std::span{incoming.object.as<std::byte>(), incoming.size}, links_of(incoming.object));
      break;
  }
  return true;
}

/// What put_flat() does not do inline: all of it for queues without few words, such as of an int.
[[gnu::noinline]] bool put_any_flat(const Handle& handle, const void* value, Timeout timeout) {
  const QueueRef queue{handle};
  check_open(queue);
  if (put_quickly(queue.body, value)) {
    after_put(queue.body);
    return true;
  }
  return put_bytes(queue, {value, queue.body.shape.flat_size}, {}, nullptr, timeout);
}

/// The same for get_flat().
[[gnu::noinline]] bool get_any_flat(const QueueCore& core, void* into, const GetWait& wait) {
  const QueueRef queue{core.handle()};
  check_open(queue);
  const Got got = get_quickly(queue.body, into);
  if (got == Got::last || got == Got::more) {
    after_get(queue, got == Got::more);
    return true;
  }
  if (got == Got::nothing && wait.timeout != Timeout{now}) queue.body.get.pace.let_ahead();
  if (queue.body.fixed_units != 0) return core.get_flats(into, 1, wait) == 1;
  return get_bytes(queue, wait, [&](std::span<const std::byte> bytes, std::span<const Link>) {
    copy_bytes(into, bytes.data(), bytes.size());
  });
}

/// The body of a queue with few words a message; null where more than that is to be looked at.
[[gnu::always_inline]] inline QueueBody* body_for_few_words(const Handle& handle) {
  const HandleRecord* record = handle.record_if_made();
  if (record == nullptr || record->local.load(std::memory_order_acquire) != nullptr ||
      fail_points_armed.load(std::memory_order_relaxed))
    return nullptr;
  auto* body = static_cast<QueueBody*>(record->body);
  return body->few_words != 0 ? body : nullptr;
}

bool somebody_waits(const QueueBody& body) {
  return (body.get_wanted.load() | body.put_wanted.load()) != 0;
}

[[gnu::noinline]] bool tell_after_put(QueueBody& body) {
  body.put.lock().wake_revoker();
  after_put(body);
  return true;
}

[[gnu::noinline]] bool tell_after_get(const Handle& handle, bool more) {
  const QueueRef queue{handle};
  queue.body.get.lock().wake_revoker();
  after_get(queue, more);
  return true;
}

}  // namespace

void construct_queue(void* body, const QueueShape& shape) {
  auto* queue = new (body) QueueBody{};
  queue->shape = shape;
  // Records that are all alike need no headers.
  if (shape.flat_size != 0 && shape.flat_size <= largest_inline)
    queue->fixed_units = (shape.flat_size + 7) / 8;
  if (shape.flat_size % 8 == 0 && queue->fixed_units <= most_few_words && shape.max_bytes == 0 &&
      shape.kind != QueueKind::joinable)
    queue->few_words = queue->fixed_units;
}

QueueCore::QueueCore(const QueueShape& shape) : handle_(Handle::make(queue_bytes, queue_links)) {
  construct_queue(handle_.body(), shape);
}

// No call but the last on their short ways: see quick.hpp.

bool QueueCore::put_flat(const void* value, Timeout timeout) const {
  QueueBody* const body = body_for_few_words(handle_);
  bool awaited = false;
  if (body == nullptr || !put_few_words(*body, value, awaited))
    return put_any_flat(handle_, value, timeout);
  if (awaited || somebody_waits(*body)) return tell_after_put(*body);
  return true;
}

bool QueueCore::get_flat(void* into, const GetWait& wait) const {
  QueueBody* const body = body_for_few_words(handle_);
  bool awaited = false;
  const Got got = body == nullptr ? Got::not_tried : get_few_words(*body, into, awaited);
  if (got != Got::last && got != Got::more) return get_any_flat(*this, into, wait);
  if (awaited || somebody_waits(*body)) return tell_after_get(handle_, got == Got::more);
  return true;
}

std::size_t QueueCore::put_flats(const void* values, std::size_t count, Timeout timeout) const {
  const QueueRef queue{handle_};
  if (queue.body.fixed_units == 0) return put_flat(values, timeout) ? 1 : 0;
  check_open(queue);
  std::size_t done = 0;
  const auto* from = static_cast<const std::byte*>(values);
  LazyDeadline limit{timeout};
  static_cast<void>(
      insist_on_put(queue, limit, [&] { return try_put_many(queue, from, count, done, limit); }));
  return done;
}

bool QueueCore::put_pieces(Piece first, Piece second, Timeout timeout) const {
  const QueueRef queue{handle_};
  check_open(queue);
  return put_bytes(queue, first, second, nullptr, timeout);
}

bool QueueCore::put_encoded(MessageEncoder encode, const void* value, Timeout timeout) const {
  const QueueRef queue{handle_};
  check_open(queue);
  Writer writer;
  Envelope envelope;
  {
    const Envelope::Writing writing{envelope};
    encode(writer, value);
  }
  if (!leave_ends(envelope, timeout)) return false;
  return put_bytes(queue, {writer.view().data(), writer.size()}, {}, &envelope, timeout);
}

std::size_t QueueCore::get_flats(void* into, std::size_t most, const GetWait& wait) const {
  const QueueRef queue{handle_};
  if (queue.body.fixed_units == 0) return get_flat(into, wait) ? 1 : 0;
  check_open(queue);
  Incoming incoming{.into = static_cast<std::byte*>(into), .most = most};
  LazyDeadline limit{wait.timeout};
  const std::optional<std::uint32_t> entry = entry_of(queue, limit);
  if (!entry) return 0;
  static_cast<void>(insist_on_get(queue, wait, limit, incoming,
                                  [&] { return try_get(queue, incoming, *entry, limit); }));
  return incoming.count;
}

bool QueueCore::get_encoded(MessageDecoder decode, void* into, const GetWait& wait) const {
  const QueueRef queue{handle_};
  check_open(queue);
  return get_bytes(queue, wait, [&](std::span<const std::byte> bytes, std::span<const Link> links) {
    // The time anew, for what is left of it says little about how long the keeper takes.
    const Envelope::Reading reading{links,
                                    links.empty() ? Deadline::never() : Deadline{wait.timeout}};
    Reader reader{bytes};
    decode(reader, into);
    if (reader.remaining() != 0) throw SerializationError("the message holds more than its value");
  });
}

}  // namespace multiprocessing::detail
