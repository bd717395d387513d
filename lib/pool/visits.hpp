// Calls that every worker of a pool makes once, as they lie in shared memory.
#pragma once

#include <atomic>
#include <cstdint>

#include "multiprocessing/detail/event_count.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "pool/board.hpp"

namespace multiprocessing::detail {

/// An object of the arena. Its links: the block of the call, the visit before it, and the results
/// as long as the caller wants them. The board has a link to the last one, so that a worker that
/// comes later finds all of them.
struct VisitHeader {
  std::uint32_t number;  // from 1
};

inline constexpr std::size_t visit_call_link = 0;
inline constexpr std::size_t visit_before_link = 1;
inline constexpr std::size_t visit_results_link = 2;  // changed with the board's lock held
inline constexpr std::size_t visit_links = 3;

/// An object of the arena, with a link for the result of each seat.
struct VisitResults {
  EventCount progress;  // the caller sleeps here
  // Followed by a word for each seat: 1 once its result is there, which is the commit.

  [[nodiscard]] std::atomic<std::uint32_t>& done(std::size_t seat) {
    return reinterpret_cast<std::atomic<std::uint32_t>*>(this + 1)[seat];
  }
};

/// In a worker: those after number `seen`, in their order; the number of the last one.
[[nodiscard]] std::uint32_t make_visits(const Handle& board, std::size_t seat, std::uint32_t seen);

}  // namespace multiprocessing::detail
