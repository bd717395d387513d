#include "base/cpu_count.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "multiprocessing/base/cpu_count.hpp"

namespace multiprocessing::detail {
namespace {

namespace fs = std::filesystem;

// Where a hierarchy of cgroups is seen, and our place in it.
struct Hierarchy {
  fs::path mount_point;  // under the root of the machine
  fs::path mount_root;   // the group that the mount point shows
  fs::path group;        // ours; the kernel counts it from its own root
};

bool has_word(const std::string& list, const std::string& word) {
  std::istringstream words{list};
  for (std::string found; std::getline(words, found, ',');)
    if (found == word) return true;
  return false;
}

// Lines of /proc/self/cgroup: "0::/path" for v2, "4:cpu,cpuacct:/path" for v1.
std::optional<fs::path> own_group(const fs::path& root, bool v2) {
  std::ifstream file{root / "proc/self/cgroup"};
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (v2 ? controllers.empty() && line.starts_with("0:") : has_word(controllers, "cpu"))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

// Lines of /proc/self/mountinfo: "id parent device ROOT POINT options… - TYPE source OPTIONS".
std::optional<Hierarchy> mounted(const fs::path& root, bool v2) {
  std::ifstream file{root / "proc/self/mountinfo"};
  for (std::string line; std::getline(file, line);) {
    const auto separator = line.find(" - ");
    if (separator == std::string::npos) continue;
    std::istringstream front{line}, back{line.substr(separator + 3)};
    std::string skipped, mount_root, point, type, options;
    front >> skipped >> skipped >> skipped >> mount_root >> point;
    back >> type >> skipped >> options;
    if (v2 ? type == "cgroup2" : type == "cgroup" && has_word(options, "cpu"))
      return Hierarchy{.mount_point = point, .mount_root = mount_root, .group = {}};
  }
  return std::nullopt;
}

Hierarchy usual_place(bool v2) {
  return {
      .mount_point = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", .mount_root = "/", .group = {}};
}

// The folders of our group and of those around it. Those a mount does not show do not exist below
// its point, and the point itself, which is a container's own group, is always among them.
std::vector<fs::path> folders(const fs::path& root, const Hierarchy& place) {
  const fs::path point = root / place.mount_point.relative_path();
  fs::path inside = place.group.lexically_relative(place.mount_root);
  if (inside.empty() || *inside.begin() == "..") inside = place.group.relative_path();
  std::vector<fs::path> found{point};
  for (const fs::path& part : inside) {
    if (part == "..") return {point};
    if (!part.empty() && part != ".") found.push_back(found.back() / part);
  }
  return found;
}

// Processors for "200000 100000" microseconds, rounded up; none for "max" and what makes no sense.
std::optional<int> processors(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || period <= 0) return std::nullopt;
  const std::int64_t whole = quota / period + (quota % period == 0 ? 0 : 1);
  return static_cast<int>(std::min<std::int64_t>(whole, 1 << 30));
}

std::optional<std::int64_t> number_in(const fs::path& path) {
  std::ifstream file{path};
  std::int64_t number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

std::optional<int> quota_v2(const fs::path& folder) {
  std::ifstream file{folder / "cpu.max"};
  std::int64_t quota = 0, period = 0;
  if (!(file >> quota >> period)) return std::nullopt;
  return processors(quota, period);
}

std::optional<int> quota_v1(const fs::path& folder) {
  const auto quota = number_in(folder / "cpu.cfs_quota_us");
  const auto period = number_in(folder / "cpu.cfs_period_us");
  if (!quota || !period) return std::nullopt;
  return processors(*quota, *period);
}

int affinity_of_this_process() {
  // The kernel refuses a mask smaller than its own, which may be for thousands of processors.
  for (std::size_t most = 1024; most <= 1U << 20; most *= 2) {
    cpu_set_t* mask = CPU_ALLOC(most);
    if (mask == nullptr) break;
    const bool fits = ::sched_getaffinity(0, CPU_ALLOC_SIZE(most), mask) == 0;
    const int error = errno;
    const int count = fits ? CPU_COUNT_S(CPU_ALLOC_SIZE(most), mask) : 0;
    CPU_FREE(mask);
    if (fits) return count;
    if (error != EINVAL) break;
  }
  return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace

int cpu_count_from(const fs::path& root, int affinity) {
  int count = affinity;
  for (const bool v2 : {true, false}) {
    const auto group = own_group(root, v2);
    if (!group) continue;
    Hierarchy place = mounted(root, v2).value_or(usual_place(v2));
    place.group = *group;
    for (const fs::path& folder : folders(root, place))
      if (const auto limit = v2 ? quota_v2(folder) : quota_v1(folder))
        count = std::min(count, *limit);
  }
  return std::max(count, 1);
}

}  // namespace multiprocessing::detail

namespace multiprocessing {

int cpu_count() { return detail::cpu_count_from("/", detail::affinity_of_this_process()); }

}  // namespace multiprocessing
