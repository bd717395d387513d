// ProcessTree: the processes that a process has started, to be ended with it.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/unique_fd.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// All that descend from some processes, as far as /proc leads from parents to children. A process
/// whose parent has ended belongs to another one, and is not found: a daemon's, or one that a shell
/// has left in the background.
class MULTIPROCESSING_API ProcessTree {
 public:
  struct Root {
    int pidfd;  // the caller's, as long as this lives
    pid_t pid;
  };

  /// Stops the roots and then, one generation after the other, those that they started, so that
  /// none starts another one unseen. Those that may not be signalled are left out, and so are all
  /// where there is no /proc or no descriptor left.
  explicit ProcessTree(std::vector<Root> roots) noexcept;

  /// To all but the roots: these have another way to be ended where they may not be signalled.
  void signal_descendants(int signal) const noexcept;

  /// All go on.
  void resume() const noexcept;

 private:
  struct Found {
    pid_t pid;
    UniqueFd pidfd;
  };
  bool stop_children();
  [[nodiscard]] bool contains(pid_t pid) const;

  std::vector<Root> roots_;
  std::vector<Found> descendants_;
};

}  // namespace multiprocessing::detail
