#include "monitor/control_group.hpp"

#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

#include "monitor/read_file.hpp"

namespace multiprocessing::detail {
namespace {

std::optional<double> number_in(const std::string& path) {
  std::istringstream in{read_file_if_any(path)};
  double number = 0;
  return in >> number ? std::optional{number} : std::nullopt;
}

bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::string_view first = list.substr(0, list.find(','));
    if (first == word) return true;
    list.remove_prefix(std::min(first.size() + 1, list.size()));
  }
  return false;
}

struct Mount {
  std::string part = {};  // of the hierarchy, "" for all: a container's own
  std::string where = {};
};

/// Of the hierarchy with a controller; of version 2 when none is named.
Mount mount_of(const std::string& root, std::string_view controller) {
  std::istringstream mounts{read_file_if_any(root + "/proc/self/mountinfo")};
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words{line};
    std::string word, part, mounted, type, source, options;
    for (int i = 0; i < 3; ++i) words >> word;
    words >> part >> mounted;
    while (words >> word && word != "-") continue;
    words >> type >> source >> options;
    if (controller.empty() ? type == "cgroup2" : type == "cgroup" && lists(options, controller))
      return {part == "/" ? std::string{} : part, root + mounted};
  }
  return {};
}

/// The group's path from the hierarchy's top; none where the controller is in no version 1.
std::optional<std::string> path_of(const std::string& root, std::string_view controller) {
  std::istringstream groups{read_file_if_any(root + "/proc/self/cgroup")};
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto list = std::string_view{line}.substr(first + 1, second - first - 1);
    if (controller.empty() ? list.empty() : lists(list, controller)) {
      const std::string path = line.substr(second + 1);
      return path == "/" ? std::string{} : path;
    }
  }
  return std::nullopt;
}

/// The smallest number that `limit_in` finds from a group's folder up to the top.
template <class F>
std::optional<double> smallest(std::string path, const std::string& top, F limit_in) {
  std::optional<double> limit;
  while (path.size() >= top.size() && !top.empty()) {
    if (const auto here = limit_in(path)) limit = std::min(*here, limit.value_or(*here));
    path.resize(path.rfind('/'));
  }
  return limit;
}

}  // namespace

ControlGroup::ControlGroup(const std::string& root)
    : machine_bytes_(static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                     static_cast<double>(sysconf(_SC_PAGESIZE))) {
  const auto find = [&root](std::string_view controller) {
    Folder folder;
    if (const auto path = path_of(root, controller)) {
      const auto [part, top] = mount_of(root, controller);
      folder.top = top;
      // Where only a part is mounted, the path begins with it, or is one from outside of what this
      // process sees.
      const std::string_view below =
          path->starts_with(part) ? std::string_view{*path}.substr(part.size()) : "";
      if (!top.empty()) folder.path = top + std::string{below};
    }
    folder.unified = controller.empty();
    return folder;
  };
  const Folder unified = find("");
  const auto find_any = [&](std::string_view controller) {
    const Folder own = find(controller);
    return own.path.empty() ? unified : own;
  };
  memory_ = find_any("memory");
  cpu_ = find_any("cpu");
  accounting_ = find_any("cpuacct");
}

std::optional<double> ControlGroup::memory_percent() const {
  const bool unified = memory_.unified;
  const auto used =
      number_in(memory_.path + (unified ? "/memory.current" : "/memory.usage_in_bytes"));
  const auto limit = smallest(memory_.path, memory_.top, [&](const std::string& path) {
    return number_in(path + (unified ? "/memory.max" : "/memory.limit_in_bytes"));
  });
  // Version 1 says "no limit" by a number that no machine has.
  if (!used || !limit || *limit <= 0 || *limit >= machine_bytes_) return std::nullopt;
  return std::min(100.0, 100 * *used / *limit);
}

std::optional<double> ControlGroup::processors() const {
  return smallest(cpu_.path, cpu_.top, [&](const std::string& path) -> std::optional<double> {
    double quota = -1, period = 0;
    if (cpu_.unified) {
      std::istringstream in{read_file_if_any(path + "/cpu.max")};
      if (!(in >> quota >> period)) return std::nullopt;  // "max 100000": no limit
    } else {
      quota = number_in(path + "/cpu.cfs_quota_us").value_or(-1);
      period = number_in(path + "/cpu.cfs_period_us").value_or(0);
    }
    return quota > 0 && period > 0 ? std::optional{quota / period} : std::nullopt;
  });
}

std::optional<double> ControlGroup::used_seconds() const {
  if (!accounting_.unified) {
    const auto nanoseconds = number_in(accounting_.path + "/cpuacct.usage");
    return nanoseconds ? std::optional{*nanoseconds / 1e9} : std::nullopt;
  }
  std::istringstream in{read_file_if_any(accounting_.path + "/cpu.stat")};
  std::string name;
  for (double number = 0; in >> name >> number;)
    if (name == "usage_usec") return number / 1e6;
  return std::nullopt;
}

void ControlGroup::add_to(SystemStats& stats, Moment now) {
  stats.cgroup_memory_percent = memory_percent();
  const auto share = processors();
  const auto used = share ? used_seconds() : std::nullopt;
  if (!used) return;
  const auto& before = usage_.step(now, *used);
  const double seconds = std::chrono::duration<double>(now - before.when).count();
  const double part = seconds > 0 ? (*used - before.value) / (seconds * *share) : 0;
  stats.cgroup_cpu_percent = std::clamp(100 * part, 0.0, 100.0);
}

}  // namespace multiprocessing::detail
