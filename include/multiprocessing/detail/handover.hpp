// Ends of connections and queues that go to a child with the object that they are members of.
#pragma once

#include <cstdint>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Called by the serialize function of an end before it writes itself. True: the child that it was
/// written for has started, and the end is to be dropped here.
[[nodiscard]] MULTIPROCESSING_API bool is_handed_over() noexcept;

/// How many ends have been serialised on this thread.
[[nodiscard]] MULTIPROCESSING_API std::uint64_t ends_serialised() noexcept;

/// While alive, ends that are serialised on this thread are handed over.
class MULTIPROCESSING_API HandingOver {
 public:
  HandingOver() noexcept;
  ~HandingOver();
  HandingOver(const HandingOver&) = delete;
  HandingOver& operator=(const HandingOver&) = delete;
};

/// Held by an end that is no descriptor, so that a fork need not look for ends in a process that
/// has none.
class MULTIPROCESSING_API HeldEnd {
 public:
  HeldEnd() noexcept;
  HeldEnd(const HeldEnd&) noexcept;
  HeldEnd& operator=(const HeldEnd&) = default;
  ~HeldEnd();

  /// Whether this process has any.
  [[nodiscard]] static bool any() noexcept;
};

}  // namespace multiprocessing::detail
