// The short ways of a put or get: records that are all alike, room or a message known of, and
// no other in the way. They say no, with nothing done, where anything else is to be seen to.
#pragma once

#include <cstring>
#include <utility>

#include "arena/windows.hpp"
#include "base/fail_point.hpp"
#include "queues/body.hpp"
#include "queues/ring.hpp"

namespace multiprocessing::detail {

/// `not_tried`: the long way has to look, even if the lock was taken. `nothing`: none is known of.
/// `last` and `more`: one was got, and whether others are known of.
enum class Got { not_tried, nothing, last, more };

/// For any thread, when the lock is free.
[[nodiscard]] bool put_quickly(QueueBody& body, const void* value);
[[nodiscard]] Got get_quickly(QueueBody& body, void* into);

/// Null if the record is not wholly in the stretch, which may also lie behind.
[[gnu::always_inline]] inline std::byte* place_in(QueueBody& body, const Stretch& stretch,
                                                  Position next) {
  if (static_cast<std::int32_t>(stretch.until - next.units) <
      static_cast<std::int32_t>(body.fixed_units))
    return nullptr;
  return reinterpret_cast<std::byte*>(&body) + stretch.place +
         std::size_t{next.units - stretch.from} * 8;
}

/// Under the lock: the place of the next record when it can be put right now. Where others have put
/// the ring may not be mapped yet: the long way does that.
[[gnu::always_inline]] inline std::byte* place_to_put(QueueBody& body, Position tail) {
  if (body.state.load(std::memory_order_relaxed) != QueueState::open) return nullptr;
  if (told_of_windows()) [[unlikely]]
    return nullptr;
  return place_in(body, body.put_stretch, tail);
}

/// Under the lock: the place of the next record when one is known of.
[[gnu::always_inline]] inline const std::byte* place_to_get(QueueBody& body, Position head) {
  if (body.state.load(std::memory_order_relaxed) == QueueState::shut) return nullptr;
  if (told_of_windows()) [[unlikely]]
    return nullptr;
  return place_in(body, body.get_stretch, head);
}

inline Got known_at(const QueueBody& body, Position head) {
  return body.get.other == head.packed() ? Got::nothing : Got::not_tried;
}

/// `Points`, here and below: WithFailPoints or WithoutFailPoints.
template <class Points>
void publish_record(QueueBody& body, Position tail) {
  Points::fail_point("queue.put.filled");
  body.tail.word.store(Position{tail.items + 1, tail.units + body.fixed_units}.packed(),
                       std::memory_order_release);  // the commit
  Points::fail_point("queue.put.published");
}

template <class Points>
Got free_record(QueueBody& body, Position head) {
  const Position after{head.items + 1, head.units + body.fixed_units};
  Points::fail_point("queue.get.copied");
  body.head.word.store(after.packed(), std::memory_order_release);  // the commit
  Points::fail_point("queue.get.freed");
  return body.get.other == after.packed() ? Got::last : Got::more;
}

/// Without a loop, so that each word has an instruction of its own: processors guess from that
/// which earlier store a load has to wait for. A load of what one instruction has stored to
/// several places waits three times as long.
template <auto copy_pair>
[[gnu::always_inline]] inline void copy_words(std::byte* to, const std::byte* from,
                                              std::uint32_t words) {
  const auto copy_pairs = [&]<std::size_t... i>(std::index_sequence<i...>) {
    (copy_pair(to + 16 * i, from + 16 * i), ...);
    to += 16 * sizeof...(i);
    from += 16 * sizeof...(i);
  };
  if ((words & 16) != 0) copy_pairs(std::make_index_sequence<8>{});
  if ((words & 8) != 0) copy_pairs(std::make_index_sequence<4>{});
  if ((words & 4) != 0) copy_pairs(std::make_index_sequence<2>{});
  if ((words & 2) != 0) copy_pairs(std::make_index_sequence<1>{});
  if ((words & 1) != 0) std::memcpy(to, from, 8);
}

using PairOfWords [[gnu::vector_size(16)]] = std::uint64_t;

/// Loaded one by one: a message is mostly put as soon as its members are stored, and a load across
/// two of those would wait until they, and all stores before them, are in the cache.
inline void copy_pair_from_members(std::byte* to, const std::byte* from) {
  const auto load = [](const std::byte* at) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    asm("" : "+r"(word));  // compilers would make one load of two
    return word;
  };
  const PairOfWords pair{load(from), load(from + 8)};
  std::memcpy(to, &pair, sizeof pair);
}

/// As it was put: what is stored at once is loaded at once.
inline void copy_pair(std::byte* to, const std::byte* from) {
  std::memcpy(to, from, sizeof(PairOfWords));
}

// For the thread that enters by plain stores. While a line of the ring is on its way from the other
// processor, the own one goes on as long as what it stores finds place in its store buffer; so
// these are part of their caller, which has no frame to store.

[[nodiscard, gnu::always_inline]] inline bool put_few_words(QueueBody& body, const void* value,
                                                            bool& awaited) {
  using Points = WithoutFailPoints;
  if (!body.put.lock().enter<Points>()) return false;
  const Position tail = body.tail.get(std::memory_order_relaxed);
  std::byte* const place = place_to_put(body, tail);
  if (place != nullptr) {
    copy_words<copy_pair_from_members>(place, static_cast<const std::byte*>(value), body.few_words);
    publish_record<Points>(body, tail);
  }
  awaited = body.put.lock().leave<Points>();
  return place != nullptr;
}

[[nodiscard, gnu::always_inline]] inline Got get_few_words(QueueBody& body, void* into,
                                                           bool& awaited) {
  using Points = WithoutFailPoints;
  if (!body.get.lock().enter<Points>()) return Got::not_tried;
  const Position head = body.head.get(std::memory_order_relaxed);
  Got got = known_at(body, head);
  if (const std::byte* const place = place_to_get(body, head)) {
    copy_words<copy_pair>(static_cast<std::byte*>(into), place, body.few_words);
    got = free_record<Points>(body, head);
  }
  awaited = body.get.lock().leave<Points>();
  return got;
}

}  // namespace multiprocessing::detail
