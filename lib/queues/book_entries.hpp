// The entries of the book of a JoinableQueue, on pages that the queue owns.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "queues/member_name.hpp"
#include "queues/queue_ref.hpp"

namespace multiprocessing::detail {

/// `got` is written under the get lock, `done` under the book's. A process is named while it lives;
/// the entry of a dead one is used again once it has finished what it got.
struct BookEntry {
  MemberName who;
  std::atomic<std::uint32_t> got;
  std::atomic<std::uint32_t> done;
  std::atomic<std::int32_t> ended;  // its exit code + 1000 once that is known; 0: it is not

  /// Of one that has ended.
  [[nodiscard]] int exitcode();
};

/// Stands for what shutdown threw away.
inline constexpr std::uint32_t dropped_entry = ~std::uint32_t{0};

inline constexpr std::uint32_t first_page_entries = 64;  // page n has 2^n times as many

/// The page's entries; none if it does not exist yet.
[[nodiscard]] std::span<BookEntry> book_page(const QueueRef& queue, std::uint32_t page);

[[nodiscard]] BookEntry& book_entry(const QueueRef& queue, std::uint32_t index);

/// Says of the entry what it has got; nothing for entry 0. Under the get lock.
void book(const QueueRef& queue, std::uint32_t entry, std::uint32_t got);
[[nodiscard]] std::uint32_t booked(const QueueRef& queue, std::uint32_t entry);

}  // namespace multiprocessing::detail
