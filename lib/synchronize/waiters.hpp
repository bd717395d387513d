// Waiters: the threads that wait for a Condition, and which of them have been notified.
#pragma once

#include "base/deadline.hpp"
#include "synchronize/records.hpp"

namespace multiprocessing::detail {

/// An object of the arena. A waiter has a record with its process's name as word; to notify it is
/// to set the lowest bit, in one compare-and-swap; the waiter takes the notification by freeing the
/// record. Where the process of a notified record died, or the record names none, another waiter
/// takes it that had come before the notification, by putting its own name there.
///
/// Records are added and notified under the condition's lock, and freed without.
struct Waiters {
  std::atomic<std::uint32_t>
      next_number;  // for the next waiter; changed under the condition's lock
  RecordTable records;
};

[[nodiscard]] Record& add_waiter(const Handle& object);

/// Sleeps until `mine`, the record of the calling thread, is notified, and frees it; false when the
/// deadline passed before.
[[nodiscard]] bool wait_for_notification(const Handle& object, Record& mine,
                                         const Deadline& deadline);

/// Notifies the `n` waiters that have waited longest, passing over the dead.
void notify_waiters(const Handle& object, std::uint32_t n);

[[nodiscard]] std::uint32_t count_waiters(const Handle& object);

}  // namespace multiprocessing::detail
