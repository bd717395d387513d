// ProgressReport: tells a program, or its terminal, how far a call has come.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/pool/progress.hpp"

namespace multiprocessing::detail {

/// Of one call. A thread that comes while another one tells does nothing.
class ProgressReport {
 public:
  /// `all` elements; 0: that is not known.
  ProgressReport(const Progress& wanted, std::size_t all);
  ~ProgressReport();
  ProgressReport(const ProgressReport&) = delete;

  [[nodiscard]] bool wanted() const { return wanted_.load(); }

  /// How long to wait between two looks at what is done.
  static constexpr std::chrono::milliseconds pause{100};
  [[nodiscard]] Timeout interval() const { return wanted() ? Timeout{pause} : Timeout::forever; }

  /// Throws what the program's callable throws; then nothing more is told.
  void tell(std::size_t done);

  /// The same, when the last time was an interval ago.
  void tell_when_due(const std::function<std::size_t()>& done);

 private:
  using Clock = std::chrono::steady_clock;

  void draw(std::size_t done, Clock::time_point now);
  void clear();

  const bool bar_;
  const std::function<void(std::size_t, std::size_t)> call_;
  const std::size_t all_;
  std::atomic<bool> wanted_;
  const Clock::time_point begun_;
  std::atomic<bool> telling_{false};
  // By the thread that tells.
  std::optional<std::size_t> told_;
  std::optional<Clock::time_point> told_at_;
  bool drawn_ = false;  // and not cleared
};

}  // namespace multiprocessing::detail
