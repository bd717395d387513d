// Waiting for a shared number to change.
#include "arena/event_count.hpp"
#include "base/deadline.hpp"
#include "multiprocessing/detail/shared_cells.hpp"

namespace multiprocessing::detail {

bool wait_for_change(EventCount& changes, Timeout timeout, const std::function<bool()>& changed) {
  if (changed()) return true;
  const Deadline deadline{timeout};
  for (Wait wait{back_off::news, "Value.wait"};;) {
    const std::uint32_t key = changes.key();
    if (changed()) return true;
    if (deadline.passed()) return false;
    changes.wait(wait, key, deadline);
  }
}

}  // namespace multiprocessing::detail
