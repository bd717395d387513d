// Which processes hold reader and writer views of a queue, and which held the last one.
#pragma once

#include <optional>
#include <string>

#include "queues/ring.hpp"

namespace multiprocessing::detail {

/// Whether a process or a message holds a view of that side; true when there has never been one. A
/// view that this process merely inherited by a fork is none.
[[nodiscard]] bool has_views(const QueueRef& queue, QueueEnd end);

/// Whether there has ever been one.
[[nodiscard]] bool had_views(const QueueRef& queue, QueueEnd end);

/// Makes what each view of that side holds, unless it is there.
[[nodiscard]] Handle make_token(const QueueRef& queue, QueueEnd end);

/// This process has a reader view from now on; for messages only. Also of one that it inherited by
/// a fork, which is known from its first get.
void enrol_reader(const Handle& queue, const Handle& token);
void enrol_reader(const QueueRef& queue);

/// The process that had the last reader view, as far as that is known.
struct LastReader {
  std::string what;  // "the last reader, 'work-2' (process 123), was killed by SIGKILL"
  pid_t pid = 0;
  int exitcode = 0;
};
[[nodiscard]] LastReader last_reader(const QueueRef& queue);

}  // namespace multiprocessing::detail
