// How a Follower looks at alerts.
#include <algorithm>
#include <exception>
#include <variant>

#include "monitor/follower.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

const Metric* metric_of(const AlertBody& alert) {
  return std::get_if<Metric>(&alert.options().what.what());
}

bool is_of_network(const AlertBody& alert) {
  const Metric* const metric = metric_of(alert);
  return metric != nullptr && (*metric == Metric::bytes_sent || *metric == Metric::bytes_recv);
}

bool is_of_system(const AlertBody& alert) {
  return metric_of(alert) != nullptr && !is_of_network(alert) && !alert.options().process;
}

double fullest(const SystemStats& stats) {
  double most = 0;
  for (const auto& [path, percent] : stats.disk_percent) most = std::max(most, percent);
  return most;
}

double number_of(const SystemStats& stats, Metric metric) {
  switch (metric) {
    case Metric::cpu_percent:
      return stats.cpu_percent;
    case Metric::memory_percent:
      return stats.memory_percent;
    case Metric::disk_percent:
      return fullest(stats);
    case Metric::load:
      return stats.load[0];
    default:
      return static_cast<double>(stats.process_count);
  }
}

/// What a look at one kind of figures gave: figures, nothing yet, or an error.
template <class T>
struct Look {
  std::optional<T> figures = {};
  std::exception_ptr error = {};

  template <class F>
  static Look at(F look) {
    try {
      return {look(), nullptr};
    } catch (...) {
      return {std::nullopt, std::current_exception()};
    }
  }
};

}  // namespace

Sampling& Follower::sampling() {
  if (sampling_ == nullptr) sampling_ = std::make_unique<Sampling>(SamplerOptions{disks_});
  return *sampling_;
}

std::optional<SystemStats> Follower::system_of_now() {
  const bool first = sampling().system_is_first();
  auto stats = sampling().system();
  return first ? std::nullopt : std::optional{std::move(stats)};
}

std::optional<std::vector<ProcessInfo>> Follower::processes_of_now(
    const std::vector<ProcessHandle>& list) {
  const bool first = sampling().any_is_first(list);
  auto processes = sampling().processes(list);
  return first ? std::nullopt : std::optional{std::move(processes)};
}

bool Follower::look_at_alerts() {
  const auto all = alerts();
  std::vector<ProcessHandle> list;
  for (const auto& alert : all) {
    const auto& process = alert->options().process;
    if (process && std::ranges::find(list, *process) == list.end()) list.push_back(*process);
  }
  const auto any = [&all](bool (*is)(const AlertBody&)) {
    return std::ranges::any_of(all, [is](const auto& alert) { return is(*alert); });
  };
  using System = Look<std::optional<SystemStats>>;
  using Processes = Look<std::optional<std::vector<ProcessInfo>>>;
  using Network = Look<bool>;
  const auto system = any(is_of_system) ? System::at([this] { return system_of_now(); }) : System{};
  const auto processes =
      list.empty() ? Processes{} : Processes::at([&] { return processes_of_now(list); });
  const auto network = any(is_of_network) ? Network::at([this] {
    network_.add(read_network());
    return true;
  })
                                          : Network{};
  for (const auto& alert : all) {
    const Moment when = std::chrono::steady_clock::now();
    const Metric* const metric = metric_of(*alert);
    if (metric == nullptr) {
      const auto number =
          Look<double>::at([&] { return std::get<1>(alert->options().what.what())(); });
      number.error != nullptr ? alert->fail(number.error) : alert->sample(when, *number.figures);
    } else if (is_of_network(*alert)) {
      const double bytes = *metric == Metric::bytes_sent ? network_.sent() : network_.received();
      network.error != nullptr ? alert->fail(network.error) : alert->sample(when, bytes);
    } else if (is_of_system(*alert)) {
      if (system.error != nullptr)
        alert->fail(system.error);
      else if (*system.figures)
        alert->sample(when, number_of(**system.figures, *metric));
    } else if (processes.error != nullptr) {
      alert->fail(processes.error);
    } else if (*processes.figures) {
      const auto at = std::ranges::find(list, *alert->options().process) - list.begin();
      const ProcessInfo& info = (**processes.figures)[static_cast<std::size_t>(at)];
      if (info.state == ProcessState::ended || info.state == ProcessState::zombie)
        alert->end();
      else
        alert->sample(when,
                      *metric == Metric::cpu_percent ? info.cpu_percent : info.memory_percent);
    }
  }
  const bool system_again = system.figures && !*system.figures;
  const bool processes_again = processes.figures && !*processes.figures;
  return system_again || processes_again;
}

}  // namespace multiprocessing::detail
