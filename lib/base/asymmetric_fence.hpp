// An asymmetric fence: the light half costs nothing and is passed often; the heavy half is a system
// call for a thread that has to see what other threads did before their light halves.
//
// Where two sides each set a flag and then look at the other's, both need a full fence; with these
// the rare side pays for both. C++ proposes them as asymmetric_thread_fence_light and _heavy
// (P1202).
#pragma once

#include <atomic>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Has heavy fences of all processes reach the threads of this one from now on; once for a process,
/// and again in a forked child. False where the kernel cannot: then light fences do not count.
[[nodiscard]] MULTIPROCESSING_API bool register_light_fences();

/// Between a store and a load that must not pass it, for threads of a registered process.
inline void light_fence() { std::atomic_signal_fence(std::memory_order_seq_cst); }

/// What registered threads stored before their last light fence is seen afterwards, and what they
/// load after their next one is what was stored before.
MULTIPROCESSING_API void heavy_fence();

}  // namespace multiprocessing::detail
