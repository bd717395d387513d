// Progress: a bar on standard error while a map runs.
#pragma once

#include <cstddef>
#include <optional>

#include "multiprocessing/base/timeout.hpp"
#include "pool/board.hpp"

namespace multiprocessing::detail {

/// Draws on a terminal only; nothing is left of it on the screen at the end.
class Progress {
 public:
  Progress(bool wanted, std::size_t chunks);
  ~Progress();
  Progress(const Progress&) = delete;

  /// Chunks before `ended` have ended; counts those behind it.
  void show(JobHeader& job, std::uint32_t ended);

  /// How long to wait before it is drawn again.
  [[nodiscard]] Timeout interval() const;

 private:
  bool drawing_;
  std::size_t chunks_;
  std::optional<std::size_t> drawn_;  // how many had ended when it was drawn
};

}  // namespace multiprocessing::detail
