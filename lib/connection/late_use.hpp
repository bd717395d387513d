// LateUse: the descriptor of an end for the length of one call, most of which do without.
#pragma once

#include <optional>

#include "base/os_error.hpp"
#include "process/end_fd.hpp"

namespace multiprocessing::detail {

[[noreturn]] inline void throw_closed() { throw_os_error(EBADF, "handle is closed"); }

/// In use from when it is first asked for: that costs as much as the rest of a small message.
class LateUse {
 public:
  explicit LateUse(EndFd& end) noexcept : end_(end) {}

  /// Throws OSError when the end is closed.
  [[nodiscard]] int get() {
    const int fd = if_open();
    if (fd < 0) throw_closed();
    return fd;
  }
  /// -1 when it is closed.
  [[nodiscard]] int if_open() noexcept {
    if (!use_) use_.emplace(end_);
    return use_->get();
  }

 private:
  EndFd& end_;
  std::optional<EndFd::Use> use_;
};

}  // namespace multiprocessing::detail
