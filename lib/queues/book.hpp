// The book of a JoinableQueue: which process got how many messages, and how many it has finished.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "queues/member_name.hpp"
#include "queues/ring.hpp"

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

/// The entry of this process, plus one, for 0 is none; made if need be. Nothing when the limit
/// passed before. Throws OSError when memory is short, ProcessError when 4032 processes have not
/// finished what they got.
[[nodiscard]] std::optional<std::uint32_t> own_entry(const QueueRef& queue, LazyDeadline& limit);

/// Says of the entry what it has got; nothing for entry 0. Under the get lock.
void book(const QueueRef& queue, std::uint32_t entry, std::uint32_t got);
[[nodiscard]] std::uint32_t booked(const QueueRef& queue, std::uint32_t entry);

/// Messages that were put and not yet finished.
[[nodiscard]] std::uint32_t unfinished(const QueueRef& queue);

/// One message is finished; throws ValueError when none is left to finish.
void finish_one(const QueueRef& queue, std::uint32_t entry);

/// Somebody who died with messages that nobody has answered for since.
struct Debtor {
  std::string what;  // "'work-2' (process 123) was killed by SIGKILL"
  pid_t pid;
  int exitcode;
  std::uint32_t messages;
};
[[nodiscard]] std::optional<Debtor> find_debtor(const QueueRef& queue, LazyDeadline& limit);

}  // namespace multiprocessing::detail
