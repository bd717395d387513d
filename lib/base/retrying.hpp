// Trying again for a short while what the kernel had no memory for.
#pragma once

#include <cerrno>
#include <chrono>
#include <thread>

namespace multiprocessing::detail {

/// Whether the error passes when other processes give memory back: ENOBUFS and ENOMEM, unlike a
/// limit of this process.
inline bool is_short_of_memory(int error) { return error == ENOBUFS || error == ENOMEM; }

/// Calls `once` until it returns true, with pauses of 1, 2, 4, ... 32 ms in between; false when it
/// was still not done after the last of them.
template <class Once>
[[nodiscard]] bool retry_for_a_while(Once once) {
  using std::chrono::milliseconds;
  constexpr milliseconds longest_pause{32};
  for (milliseconds pause{1};; pause *= 2) {
    if (once()) return true;
    if (pause > longest_pause) return false;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace multiprocessing::detail
