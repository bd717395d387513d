#include "queues/slots.hpp"

#include <bit>
#include <cstring>
#include <utility>

#include "base/fail_point.hpp"
#include "queues/side.hpp"

namespace multiprocessing::detail {
namespace {

/// What a slot keeps for its next message; larger ones are given back once they are read.
constexpr std::size_t largest_kept(std::uint32_t index) {
  return index < 8 ? std::size_t{4} << 20 : std::size_t{256} << 10;
}

void make_slots(const QueueRef& queue) {
  const PutLock lock{queue};
  Link& link = queue.link(slots_link);
  if (data_of(link) != nullptr) return;
  constexpr std::size_t bytes = message_slots * sizeof(MessageSlot);
  Block block{bytes, message_slots};
  std::memset(block.data(), 0, bytes);
  std::move(block).give_to(link);
  fail_point("queue.slots.given");
}

bool try_lock(MessageSlot& slot) {
  if (slot.queued_as.load() != 0) return false;
  if (slot.lock.try_acquire() == OwnerLock::Taken::not_in_time) return false;
  if (slot.queued_as.load() == 0) return true;
  slot.lock.release();
  return false;
}

}  // namespace

std::optional<HeldSlot> HeldSlot::claim(const QueueRef& queue, std::size_t bytes) {
  if (data_of(queue.link(slots_link)) == nullptr) make_slots(queue);
  // First the free ones: asking whether a holder lives is a system call.
  for (const bool held_ones : {false, true}) {
    for (std::uint32_t i = 0; i < message_slots; ++i) {
      MessageSlot& slot = queue.slot(i);
      if (static_cast<bool>(slot.lock.holder()) != held_ones || !try_lock(slot)) continue;
      HeldSlot mine{queue, i};
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
  if (slot().capacity > largest_kept(index_)) {
    slot().capacity = 0;
    release(link());
  }
  fail_point("queue.slot.before_free");
  slot().lock.release();
}

}  // namespace multiprocessing::detail
