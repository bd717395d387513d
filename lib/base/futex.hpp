// The futex: sleeping on a word in shared memory, and waking. For arena/event_count.cpp alone,
// which allows for a waker that is killed before it wakes.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/deadline.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

enum class Woken { woken, changed, interrupted, timed_out };

/// Sleeps while `word` holds `expected`, across processes. `changed`: it did not hold it any more.
/// Any answer may come without a wake: look at the word again.
MULTIPROCESSING_API Woken futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                                     const Deadline& deadline);

/// Wakes at most `count` sleepers on `word`, in all processes; how many it woke.
MULTIPROCESSING_API int futex_wake(const std::atomic<std::uint32_t>& word, int count);
MULTIPROCESSING_API int futex_wake_all(const std::atomic<std::uint32_t>& word);

}  // namespace multiprocessing::detail
