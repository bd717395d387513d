// Sampling: what a Sampler does, without its pauses.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "monitor/baseline.hpp"
#include "monitor/control_group.hpp"
#include "monitor/kept_process.hpp"
#include "monitor/machine.hpp"
#include "monitor/process_list.hpp"
#include "multiprocessing/monitor/sampler.hpp"

namespace multiprocessing::detail {

/// The first figures of each kind have 0 for each percentage of processors: they have to be taken
/// again, `shortest_span` later.
class Sampling {
 public:
  explicit Sampling(SamplerOptions options);

  [[nodiscard]] bool system_is_first() const { return machine_.first(); }
  [[nodiscard]] SystemStats system();

  [[nodiscard]] bool list_is_first() const { return last_list_ == Moment{}; }
  [[nodiscard]] std::vector<ProcessInfo> processes();

  /// Whether one of them was not in the last such call.
  [[nodiscard]] bool any_is_first(const std::vector<ProcessHandle>& list) const;
  [[nodiscard]] std::vector<ProcessInfo> processes(const std::vector<ProcessHandle>& list);

 private:
  using Ticks = Baseline<std::uint64_t>;
  struct Seen {
    std::uint64_t started;  // with the id it names a process
    Ticks ticks;
    std::uint64_t round;
  };
  struct Kept {
    explicit Kept(const ProcessHandle& process) : file(process) {}
    KeptProcess file;
    Ticks ticks = {};
    std::uint64_t round = 0;
  };
  ProcessInfo info_of(const ProcessLine& line, Ticks& ticks, Moment when) const;

  Machine machine_;
  ControlGroup group_;
  ProcessList list_;
  const std::uint64_t machine_started_;
  const double ticks_per_second_, pages_;

  Moment last_list_ = {};  // when all processes were seen last
  std::unordered_map<pid_t, Seen> seen_;
  std::unordered_map<ProcessHandle, Kept> kept_;
  std::uint64_t round_ = 0;  // tells what is no longer there
};

}  // namespace multiprocessing::detail
