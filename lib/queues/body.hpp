// What lies in the arena for one queue. All zero is an empty queue without a ring.
//
// Messages are records in a ring: writers fill beyond the published tail, and one release store of
// the tail publishes; readers copy, and one store of the head frees. Each side has a lock of its
// own, so the sides never wait for each other. A ring that is full is followed by a larger one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/biased_lock.hpp"
#include "arena/owner_lock.hpp"
#include "base/stream_pace.hpp"
#include "multiprocessing/detail/event_count.hpp"
#include "multiprocessing/detail/queue_core.hpp"

namespace multiprocessing::detail {

/// A place in the stream of messages: 8-byte units and messages before it, both counted on for
/// ever modulo 2^32. One word, so that one store moves both.
struct Position {
  std::uint32_t items = 0;
  std::uint32_t units = 0;

  [[nodiscard]] constexpr std::uint64_t packed() const {
    return std::uint64_t{units} << 32 | items;
  }
  [[nodiscard]] static constexpr Position from(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32)};
  }
  friend bool operator==(Position, Position) = default;
};

/// The published tail, or the freed head: alone in its line, for the other side watches it.
struct alignas(64) PublishedPosition {
  std::atomic<std::uint64_t> word;
  std::atomic<std::uint32_t> calls;  // the other side sleeps here; changes with each wake
  std::atomic<std::uint32_t> looks;  // of sleepers by themselves; see Wait

  [[nodiscard]] Position get(std::memory_order order = std::memory_order_acquire) const {
    return Position::from(word.load(order));
  }
};

/// At the start of a ring's block, in front of its units.
struct alignas(64) RingHeader {
  std::uint32_t base;  // where in the stream it begins
  std::uint32_t mask;  // its units, a power of two, less one
  std::uint32_t links;
  std::uint32_t next_link;            // the next in turn for an object; written by writers
  std::atomic<std::uint64_t> sealed;  // 0, or `seal | units` where the next ring begins

  static constexpr std::uint64_t seal = std::uint64_t{1} << 32;
};

/// One side, but for its position. Everything is guarded by the lock; the cached fields are made
/// anew by the process that takes the lock from a dead holder. `ring_index` is the commit of a step
/// to the next ring.
struct alignas(64) Side {
  BiasedLockWords lock_words;
  std::int64_t ring;                      // from the body to the ring's header
  std::uint64_t other;                    // the other side's position when last looked at
  std::atomic<std::uint32_t> ring_index;  // 0: none yet; ring n hangs on link n % ring_links
  std::uint32_t base;
  std::uint32_t mask;
  std::atomic<std::uint64_t> bytes;  // put or got, where the queue is bounded by bytes
  StreamPace pace;                   // read without the lock
  BiasFlags lock_flags;

  [[nodiscard]] BiasedLock lock() { return {lock_words, lock_flags}; }
};
static_assert(sizeof(Side) == 128);

/// What a side is about to do beyond moving its position; completed or undone by the
/// process that takes its lock from a dead holder. `what` is stored last, and cleared when all is
/// done.
struct Pending {
  enum What : std::uint32_t { nothing, bytes, slot, object };

  std::atomic<std::uint32_t> what;
  std::atomic<std::uint32_t> index;  // of the slot, or of the link in the ring
  std::atomic<std::uint32_t> ring_index;
  std::atomic<std::uint32_t> entry;    // of the book, plus one; 0: nothing is booked
  std::atomic<std::uint32_t> booked;   // what the entry says then
  std::atomic<std::uint64_t> from;     // the side's position before
  std::atomic<std::uint64_t> to;       // and after: the operation took place if it stands there
  std::atomic<std::uint64_t> totally;  // the side's bytes then
};

/// Part of a ring, in one piece, where messages that are all alike can be put or got whatever the
/// other side does meanwhile. Guarded by the side's lock. PutLock and GetLock set `until` to where
/// the side is: then nothing is left of the stretch, and the short ways of quick.hpp find another.
/// So `until` is behind the side by no more than the one operation under such a lock, and the
/// difference of the two, modulo 2^32, tells which is ahead.
struct Stretch {
  std::uint32_t from;  // in units of the stream
  std::uint32_t until;
  std::int64_t place;  // of `from`: bytes from the body
};

/// Memory for one large message at a time, used again and again. A process that fills or reads it
/// holds the lock; `queued_as` names the message meanwhile. The slots lie in a block of their own,
/// made for the first large message.
struct alignas(64) MessageSlot {
  OwnerLock lock;
  std::atomic<std::uint64_t> queued_as;  // its position plus one; 0: not queued
  std::uint64_t capacity;                // of the block that the slot's link owns
  // In the first slot, for all: the head plus one when a wait for a free slot was in vain.
  std::atomic<std::uint64_t> waited_in_vain;
};

/// A process that polls a descriptor. Taken under the put lock; given back by its owner.
struct Bell {
  std::atomic<std::uint64_t> member;  // packed; 0: free
  std::atomic<std::uint32_t> name;    // the 20 bits of an abstract address, and whether it is armed

  static constexpr std::uint32_t armed = std::uint32_t{1} << 31;
};

struct alignas(64) Bells {
  Bell bell[4];
};

enum class QueueState : std::uint32_t { open, draining, shut };

inline constexpr std::uint32_t ring_links = 40;
inline constexpr std::uint32_t message_slots = 64;
inline constexpr std::uint32_t book_pages = 6;
inline constexpr std::size_t bell_count = 8;

// The object's links.
inline constexpr std::uint32_t slots_link = ring_links;
inline constexpr std::uint32_t first_book_link = slots_link + 1;
inline constexpr std::uint32_t first_token_link = first_book_link + book_pages;  // by QueueEnd
static_assert(first_token_link + 2 == queue_links);

/// Of a message that is put and got by words of 8 bytes, without a call.
inline constexpr std::uint32_t most_few_words = 16;

/// Larger ones go by slots and objects.
inline constexpr std::size_t largest_inline = 4096;

struct QueueBody {
  // Read by everybody, seldom written (the last word for each large message).
  QueueShape shape;
  std::uint32_t fixed_units;  // of each record where all are alike; 0: records have headers
  std::uint32_t few_words;    // the same where put_few_words() may put them; 0: it may not
  std::atomic<QueueState> state;
  std::atomic<std::uint32_t> get_wanted;  // bit 0: consumers sleep; bit 1: bells are armed
  std::atomic<std::uint32_t> put_wanted;  // bit 0: producers sleep
  EventCount tasks;                       // done: join() sleeps here
  std::atomic<std::uint32_t> dropped;     // messages that shutdown threw away; under the get lock
  OwnerLock book_lock;                    // for task_done
  std::atomic<std::uint32_t> next_slot;   // where to look first for a free one

  // What one side writes again and again has no neighbour that the other side reads: processors
  // fetch the line beside the one that is asked for, too.
  alignas(64) Pending put_pending;
  Stretch put_stretch;
  Side put;
  Bells some_bells;
  PublishedPosition tail;
  Bells more_bells;
  Side get;
  alignas(64) Pending get_pending;
  Stretch get_stretch;
  PublishedPosition head;

  [[nodiscard]] Bell& bell(std::size_t index) {
    return index < 4 ? some_bells.bell[index] : more_bells.bell[index - 4];
  }
};
static_assert(sizeof(QueueBody) <= queue_bytes);

/// The ring that `side` is in, once there is one.
inline RingHeader& ring_of(QueueBody& body, const Side& side) {
  return *reinterpret_cast<RingHeader*>(reinterpret_cast<std::byte*>(&body) + side.ring);
}

inline constexpr std::uint32_t sleepers_wanted = 1;
inline constexpr std::uint32_t bells_wanted = 2;

}  // namespace multiprocessing::detail
