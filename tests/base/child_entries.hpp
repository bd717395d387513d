// What a spawned child of this test program does, told over its birth descriptor.
#pragma once

#include <string>
#include <vector>

#include "base/spawning.hpp"
#include "base/unique_fd.hpp"

namespace base_test {

struct Answer {
  std::string text;
  int exitcode = 0;
};

/// A spawned child that waits for its order.
struct Asked {
  multiprocessing::detail::Spawned child;
  multiprocessing::detail::UniqueFd line;

  /// Sends the order, then reads what the child answers and waits for its end.
  Answer order(const std::string& command);
};

/// Spawns a child that inherits `descriptors` beside its birth descriptor.
[[nodiscard]] Asked spawn_child(std::vector<int> descriptors = {}, const std::string& extra = {});

/// Orders: "descriptors" lists the open ones, "flags" says whether those are close-on-exec,
/// "signals" shows mask and handlers, "arguments", "name", "exit N", "log LEVEL TO_STDERR",
/// "grandchild" spawns in turn and passes the order "descriptors" on.
[[nodiscard]] Answer ask_child(const std::string& command, std::vector<int> descriptors = {});

}  // namespace base_test
