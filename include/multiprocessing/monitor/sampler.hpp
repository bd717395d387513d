// Sampler: figures of the machine and its processes, taken in the calling process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/monitor/stats.hpp"
#include "multiprocessing/process/process_handle.hpp"

namespace multiprocessing {

namespace detail {
class Sampling;
}

struct SamplerOptions {
  /// Paths on file systems: how full these are is told.
  std::vector<std::string> disks = {"/"};
};

/// Figures of now, as Python's psutil gives them.
///
///     mp::Sampler sampler;
///     for (;; std::this_thread::sleep_for(1s)) std::cout << sampler.system().cpu_percent << '\n';
///
/// Percentages of processors are over the time since the sample before, and over at least 100 ms:
/// the first sample of each kind takes two, that far apart, and one that follows sooner looks
/// further back. Times follow the monotonic clock.
///
/// Throws `OSError` when /proc cannot be read or a path of a disk is not there. For one thread at a
/// time; a forked child makes its own, since files that stay open have one position for both.
class MULTIPROCESSING_API Sampler {
 public:
  explicit Sampler(SamplerOptions options = {});
  ~Sampler();
  Sampler(Sampler&&) noexcept;
  Sampler& operator=(Sampler&&) noexcept;

  [[nodiscard]] SystemStats system();

  /// All processes that this one may see, in the order of their ids: four system calls each.
  [[nodiscard]] std::vector<ProcessInfo> processes();

  /// Those of the list, in its order: one system call each, since their files stay open until a
  /// call without them. A process that has ended is `ended`, also when its id is that of another
  /// now. Throws `ValueError` for a handle of no process.
  [[nodiscard]] std::vector<ProcessInfo> processes(const std::vector<ProcessHandle>& list);

  [[nodiscard]] NetworkInfo network();

 private:
  std::unique_ptr<detail::Sampling> parts_;
};

}  // namespace multiprocessing
