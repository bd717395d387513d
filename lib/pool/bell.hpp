// What has a pool's watcher look again.
#pragma once

#include <unistd.h>

#include "base/unique_fd.hpp"
#include "pool/board.hpp"

namespace multiprocessing::detail {

/// A pipe of the pool's process: its watcher waits until there is something to read. Workers find
/// the other end by /proc, so that none of them has to be given it.
class Bell {
 public:
  /// Throws OSError.
  Bell();

  [[nodiscard]] int rung() const { return read_.get(); }
  [[nodiscard]] int rope() const { return write_.get(); }

  /// It is silent until it is rung again.
  void silence() const noexcept;

 private:
  UniqueFd read_, write_;
};

/// In the pool's process.
inline void ring(int rope) {
  // Full means that it has been rung already.
  [[maybe_unused]] const ssize_t written = ::write(rope, "", 1);
}

/// In a worker. Where /proc is closed to it nothing happens: the watcher looks twice a second.
void ring_the_pool(const Board& board) noexcept;

}  // namespace multiprocessing::detail
