#include "monitor/sampling.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace multiprocessing::detail {
namespace {

Moment now() { return std::chrono::steady_clock::now(); }

}  // namespace

Sampling::Sampling(SamplerOptions options)
    : machine_(std::move(options.disks)),
      machine_started_(machine_.started()),
      ticks_per_second_(static_cast<double>(sysconf(_SC_CLK_TCK))),
      pages_(static_cast<double>(sysconf(_SC_PHYS_PAGES))) {}

SystemStats Sampling::system() {
  SystemStats stats = machine_.read();
  group_.add_to(stats, now());
  return stats;
}

bool Sampling::any_is_first(const std::vector<ProcessHandle>& list) const {
  return std::ranges::any_of(list, [this](const auto& one) { return !kept_.contains(one); });
}

ProcessInfo Sampling::info_of(const ProcessLine& line, Ticks& ticks, Moment when) const {
  const auto& before = ticks.step(when, line.ticks);
  const double seconds = std::chrono::duration<double>(when - before.when).count();
  const double used =
      line.ticks > before.value ? static_cast<double>(line.ticks - before.value) : 0;
  const std::chrono::duration<double> born{static_cast<double>(machine_started_) +
                                           static_cast<double>(line.started) / ticks_per_second_};
  return {.pid = line.pid,
          .parent = line.parent,
          .name = line.name,
          .state = state_of(line.state),
          .cpu_percent = seconds > 0 ? 100 * used / ticks_per_second_ / seconds : 0,
          .memory_percent = 100 * static_cast<double>(line.pages) / pages_,
          .threads = line.threads,
          .start_time = std::chrono::system_clock::time_point{
              std::chrono::duration_cast<std::chrono::system_clock::duration>(born)}};
}

std::vector<ProcessInfo> Sampling::processes() {
  const auto lines = list_.read();
  const Moment when = now();
  ++round_;
  std::vector<ProcessInfo> infos;
  infos.reserve(lines.size());
  for (const ProcessLine& line : lines) {
    auto [entry, added] = seen_.try_emplace(line.pid, Seen{line.started, {}, round_});
    Seen& process = entry->second;
    if (added || process.started != line.started) {
      process.started = line.started;
      // One that was not there at the last list has used all its time since.
      process.ticks = last_list_ == Moment{}
                          ? Ticks{}
                          : Ticks{std::min(last_list_, when - shortest_span), std::uint64_t{0}};
    }
    process.round = round_;
    infos.push_back(info_of(line, process.ticks, when));
  }
  std::erase_if(seen_, [this](const auto& entry) { return entry.second.round != round_; });
  last_list_ = when;
  return infos;
}

std::vector<ProcessInfo> Sampling::processes(const std::vector<ProcessHandle>& list) {
  ++round_;
  std::vector<ProcessInfo> infos;
  infos.reserve(list.size());
  for (const ProcessHandle& process : list) {
    Kept& here = kept_.try_emplace(process, process).first->second;
    here.round = round_;
    if (const auto line = here.file.read())
      infos.push_back(info_of(*line, here.ticks, now()));
    else
      infos.push_back({.pid = process.pid(), .name = process.name(), .state = ProcessState::ended});
  }
  std::erase_if(kept_, [this](const auto& entry) { return entry.second.round != round_; });
  return infos;
}

}  // namespace multiprocessing::detail
