// UniqueFd: a descriptor and the duty to close it.
#pragma once

#include <utility>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Owns one descriptor. Closing never changes errno, so it may be destroyed while an error is
/// being reported.
class MULTIPROCESSING_API UniqueFd {
 public:
  constexpr UniqueFd() noexcept = default;
  constexpr explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  [[nodiscard]] constexpr int get() const noexcept { return fd_; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

/// The same open file under a number from 3 on, close-on-exec. A program that was started with 0, 1
/// or 2 closed would else have its output land in what we opened. Throws OSError.
[[nodiscard]] MULTIPROCESSING_API UniqueFd clear_of_stdio(UniqueFd fd);

}  // namespace multiprocessing::detail
