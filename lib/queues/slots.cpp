#include "queues/slots.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <exception>
#include <utility>

#include "base/fail_point.hpp"
#include "queues/side.hpp"

namespace multiprocessing::detail {
namespace {

/// What a slot keeps for its next message; larger ones are given back once they are read.
constexpr std::size_t largest_kept(std::uint32_t index) {
  return index < 8 ? std::size_t{4} << 20 : std::size_t{256} << 10;
}

/// How many slots to use in turn: as many as are larger together than the cache of one processor.
/// What was pushed out of that, into the cache that they share, gets to the other one several times
/// as fast as what it has to be asked for. A message that fills the cache alone pushes itself out.
std::uint32_t slots_in_turn(std::size_t bytes) {
  constexpr std::size_t larger_than_a_cache = std::size_t{4} << 20;
  if (bytes > largest_kept(message_slots)) return 1;
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(larger_than_a_cache / bytes, message_slots));
}

/// False when the limit passed before.
bool make_slots(const QueueRef& queue, LazyDeadline& limit) {
  const PutLock lock{queue, limit};
  if (!lock.held()) return false;
  Link& link = queue.link(slots_link);
  if (data_of(link) != nullptr) return true;
  constexpr std::size_t bytes = message_slots * sizeof(MessageSlot);
  Block block{bytes, message_slots};
  std::memset(block.data(), 0, bytes);
  std::move(block).give_to(link);
  fail_point("queue.slots.given");
  return true;
}

bool try_lock(MessageSlot& slot) {
  if (slot.queued_as.load() != 0) return false;
  if (slot.lock.try_acquire() == OwnerLock::Taken::not_in_time) return false;
  if (slot.queued_as.load() == 0) return true;
  slot.lock.release();
  return false;
}

}  // namespace

std::optional<HeldSlot> HeldSlot::claim(const QueueRef& queue, std::size_t bytes,
                                        LazyDeadline& limit) {
  if (data_of(queue.link(slots_link)) == nullptr && !make_slots(queue, limit)) return std::nullopt;
  // First the free ones: asking whether a holder lives is a system call.
  const std::uint32_t in_turn = slots_in_turn(bytes);
  const std::uint32_t first = queue.body.next_slot.fetch_add(1, std::memory_order_relaxed);
  for (const bool held_ones : {false, true}) {
    for (std::uint32_t i = 0; i < message_slots; ++i) {
      const std::uint32_t index = i < in_turn ? (first + i) % in_turn : i;
      MessageSlot& slot = queue.slot(index);
      if (static_cast<bool>(slot.lock.holder()) != held_ones || !try_lock(slot)) continue;
      HeldSlot mine{queue, index};
      fail_point("queue.slot.claimed");
      mine.make_room(bytes);
      return mine;
    }
  }
  return std::nullopt;
}

void HeldSlot::make_room(std::size_t bytes) const {
  if (data_of(link()) != nullptr && slot().capacity >= bytes) return;
  slot().capacity = 0;
  release(link());
  const std::size_t capacity = bytes <= largest_kept(index_) ? std::bit_ceil(bytes) : bytes;
  Block{capacity}.give_to(link());
  fail_point("queue.slot.given");
  slot().capacity = capacity;
}

std::byte* HeldSlot::memory() const { return static_cast<std::byte*>(data_of(link())); }

HeldSlot::~HeldSlot() {
  if (queue_ == nullptr) return;
  try {
    if (slot().capacity > largest_kept(index_)) {
      slot().capacity = 0;
      release(link());
    }
    fail_point("queue.slot.before_free");
    slot().lock.release();
  } catch (const std::exception&) {
    // The others took this process for dead, and the slot is free.
  }
}

}  // namespace multiprocessing::detail
