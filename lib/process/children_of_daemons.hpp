// Children that a daemon may have.
#pragma once

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// While it lives this thread may start children in a daemon, too. They have to be such as end with
/// it however it ends, so that nothing is left behind when the daemon is killed: workers of a pool.
class MULTIPROCESSING_API ChildrenOfDaemons {
 public:
  ChildrenOfDaemons();
  ~ChildrenOfDaemons();
  ChildrenOfDaemons(const ChildrenOfDaemons&) = delete;

  [[nodiscard]] static bool allowed();
};

}  // namespace multiprocessing::detail
