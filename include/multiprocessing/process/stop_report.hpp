// StopReport: what it took to stop processes in bounded time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace multiprocessing {

/// What a process was ended by that was asked to stop: it ended when it was asked, it took SIGTERM,
/// or it took SIGKILL.
enum class EndedBy { itself, sigterm, sigkill };

/// What it took to stop processes, one after the other in the order in which they ended.
struct StopReport {
  struct Entry {
    std::string name;
    pid_t pid = 0;
    EndedBy by = EndedBy::itself;
    std::chrono::nanoseconds took{0};  // from the call until its end
  };
  std::vector<Entry> entries = {};
};

}  // namespace multiprocessing
