// The book of a JoinableQueue: which process got how many messages, and how many it has finished.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "queues/book_entries.hpp"

namespace multiprocessing::detail {

/// The entry of this process, plus one, for 0 is none; made if need be. Nothing when the limit
/// passed before. Throws OSError when memory is short, ProcessError when 4032 processes have not
/// finished what they got.
[[nodiscard]] std::optional<std::uint32_t> own_entry(const QueueRef& queue, LazyDeadline& limit);

/// Messages that were put and not yet finished.
[[nodiscard]] std::uint32_t unfinished(const QueueRef& queue);

/// One message is finished; throws ValueError when none is left to finish.
void finish_one(const QueueRef& queue, std::uint32_t entry);

/// A process that died with messages for which no other has answered since.
struct Debtor {
  std::string what;  // "'work-2' (process 123) was killed by SIGKILL"
  pid_t pid;
  int exitcode;
  std::uint32_t messages;
};
[[nodiscard]] std::optional<Debtor> find_debtor(const QueueRef& queue, LazyDeadline& limit);

}  // namespace multiprocessing::detail
