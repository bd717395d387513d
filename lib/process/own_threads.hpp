// Counting the threads that a fork would lose.
#pragma once

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Counts a thread of this library's own for as long as it lives: such threads are prepared for a
/// fork, so the warning leaves them out.
class MULTIPROCESSING_API OwnThread {
 public:
  OwnThread();
  ~OwnThread();
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;
};

/// How many threads this process has, our own left out; 1 where that cannot be seen.
[[nodiscard]] int count_foreign_threads();

/// Says on standard error, once, that a process with threads is about to fork.
void warn_about_threads();

}  // namespace multiprocessing::detail
