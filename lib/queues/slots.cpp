#include "queues/slots.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <exception>
#include <utility>

#include "base/back_off.hpp"
#include "base/fail_point.hpp"
#include "queues/side.hpp"

namespace multiprocessing::detail {
namespace {

/// In steps of a quarter, so that a text of a round length fits beside its size.
constexpr std::size_t capacity_for(std::size_t bytes) {
  const std::size_t step = std::bit_floor(bytes) / 4;
  return (bytes + step - 1) / step * step;
}

constexpr std::uint32_t large_slots = 8;  // the first ones

/// What a slot keeps for its next message; larger ones are given back once they are read.
constexpr std::size_t largest_kept(std::uint32_t index) {
  return capacity_for((index < large_slots ? std::size_t{4} << 20 : std::size_t{256} << 10) + 1);
}

/// How many slots to use in turn: as many as are larger together than the cache of one processor.
/// What was pushed out of that, into the cache that they share, gets to the other one several times
/// as fast as what it has to be asked for. A message that fills the cache alone pushes itself out.
std::uint32_t slots_in_turn(std::size_t bytes) {
  constexpr std::size_t larger_than_a_cache = std::size_t{4} << 20;
  if (bytes > largest_kept(message_slots)) return 1;
  return static_cast<std::uint32_t>(
      std::clamp<std::size_t>(larger_than_a_cache / bytes, 1, message_slots));
}

/// How many slots keep the memory of such a message.
std::uint32_t keeping_slots(std::size_t bytes) {
  if (bytes > largest_kept(0)) return 0;
  return bytes > largest_kept(message_slots) ? large_slots : message_slots;
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

/// Some of the slots.
struct SlotRange {
  std::uint32_t first;  // to be tried
  std::uint32_t count;

  [[nodiscard]] std::uint32_t at(std::uint32_t i) const { return (first + i) % count; }
};

bool any_free(const QueueRef& queue, const SlotRange& among) {
  for (std::uint32_t i = 0; i < among.count; ++i) {
    const MessageSlot& slot = queue.slot(among.at(i));
    if (slot.queued_as.load() == 0 && !slot.lock.holder()) return true;
  }
  return false;
}

/// Gives the processor away that often while none of them is free. Whether one is.
bool give_way(const QueueRef& queue, const SlotRange& among, std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) {
    if (any_free(queue, among)) return true;
    if (!yield_processor()) break;
  }
  return any_free(queue, among);
}

/// Lets the consumers empty slots, whose memory is warm; no longer than fresh memory would take. A
/// consumer on the same processor does so while they are in its cache. Where nothing was taken
/// meanwhile, that is not tried again until something has been.
void wait_for_warm_slot(const QueueRef& queue, std::size_t bytes, const SlotRange& in_turn) {
  constexpr std::size_t yields_of_one_processor = 4;
  constexpr std::size_t bytes_per_yield = 4096;
  std::atomic<std::uint64_t>& in_vain = queue.slot(0).waited_in_vain;
  const std::atomic<std::uint64_t>& head = queue.body.head.word;
  const std::uint64_t before = head.load(std::memory_order_relaxed);
  if (in_vain.load(std::memory_order_relaxed) == before + 1) return;
  if (give_way(queue, in_turn, yields_of_one_processor)) return;
  const std::uint32_t keeping = keeping_slots(bytes);
  if (keeping != 0 && give_way(queue, {0, keeping}, bytes / bytes_per_yield)) return;
  if (head.load(std::memory_order_relaxed) == before)
    in_vain.store(before + 1, std::memory_order_relaxed);
}

}  // namespace

std::optional<HeldSlot> HeldSlot::claim(const QueueRef& queue, std::size_t bytes,
                                        LazyDeadline& limit) {
  if (data_of(queue.link(slots_link)) == nullptr && !make_slots(queue, limit)) return std::nullopt;
  // First the free ones: asking whether a holder lives is a system call.
  const SlotRange in_turn{queue.body.next_slot.fetch_add(1, std::memory_order_relaxed),
                          slots_in_turn(bytes)};
  if (!limit.at_once()) wait_for_warm_slot(queue, bytes, in_turn);
  for (const bool held_ones : {false, true}) {
    for (std::uint32_t i = 0; i < message_slots; ++i) {
      const std::uint32_t index = i < in_turn.count ? in_turn.at(i) : i;
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
  const std::size_t capacity = bytes <= largest_kept(index_) ? capacity_for(bytes) : bytes;
  Block{capacity, 0, Contents::any}.give_to(link());
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
