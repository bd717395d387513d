#include "arena/memory_limits.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> number_in(const fs::path& file) {
  std::ifstream in{file};
  std::uint64_t value = 0;
  if (in >> value) return value;
  return {};
}

void tighten(MemoryRoom& room, std::uint64_t bytes, std::string limit) {
  if (bytes < room.bytes) room = {bytes, std::move(limit)};
}

/// Pages of files that the kernel gives up before memory runs short: they count as used, and a
/// container that has read many files is full of them. Memory that processes share is not among
/// these.
std::uint64_t reclaimable(const fs::path& statistics, const std::string& prefix) {
  std::ifstream lines{statistics};
  std::uint64_t sum = 0;
  std::string name;
  for (std::uint64_t bytes = 0; lines >> name >> bytes;)
    if (name == prefix + "inactive_file" || name == prefix + "active_file") sum += bytes;
  return sum;
}

/// A cgroup and all above it, because each has a limit of its own.
void ask_cgroups(MemoryRoom& room, const fs::path& mount, fs::path group, const char* limit_file,
                 const char* use_file, const std::string& prefix) {
  for (;; group = group.parent_path()) {
    const fs::path folder = mount / group.relative_path();
    const auto limit = number_in(folder / limit_file);
    auto used = number_in(folder / use_file);
    if (used) *used -= std::min(*used, reclaimable(folder / "memory.stat", prefix));
    // v1 says "no limit" by a number near 2^63.
    if (limit && used && *limit < (std::uint64_t{1} << 60))
      tighten(room, *limit - std::min(*limit, *used),
              "cgroup " + group.string() + ": " + limit_file + " " + std::to_string(*limit) +
                  ", in use " + std::to_string(*used));
    if (group.relative_path().empty()) return;
  }
}

void ask_all_cgroups(MemoryRoom& room, const fs::path& root) {
  std::ifstream groups{root / "proc/self/cgroup"};
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty())
      ask_cgroups(room, root / "sys/fs/cgroup", group, "memory.max", "memory.current", "");
    else if (("," + controllers + ",").find(",memory,") != std::string::npos)
      ask_cgroups(room, root / "sys/fs/cgroup/memory", group, "memory.limit_in_bytes",
                  "memory.usage_in_bytes", "total_");
  }
}

void ask_meminfo(MemoryRoom& room, const fs::path& root) {
  std::ifstream info{root / "proc/meminfo"};
  std::optional<std::uint64_t> available, limit, committed;
  for (std::string line; std::getline(info, line);) {
    std::istringstream words{line};
    std::string name;
    std::uint64_t kib = 0;
    if (!(words >> name >> kib)) continue;
    if (name == "MemAvailable:") available = kib * 1024;
    if (name == "CommitLimit:") limit = kib * 1024;
    if (name == "Committed_AS:") committed = kib * 1024;
  }
  if (available) tighten(room, *available, "MemAvailable " + std::to_string(*available));
  constexpr std::uint64_t strict = 2;
  if (number_in(root / "proc/sys/vm/overcommit_memory") == strict && limit && committed)
    tighten(room, *limit - std::min(*limit, *committed),
            "strict overcommit: CommitLimit " + std::to_string(*limit) + ", Committed_AS " +
                std::to_string(*committed));
}

fs::path& limits_root() {
  static fs::path& root = *new fs::path{"/"};
  return root;
}

/// What may be taken before the kernel is asked again.
std::atomic<std::int64_t> budget{0};
constexpr std::int64_t most_budget = 64 << 20;
constexpr std::uint64_t slack = 16 << 20;  // for the rest of the program

}  // namespace

MemoryRoom memory_room(const fs::path& root) {
  MemoryRoom room;
  ask_all_cgroups(room, root);
  ask_meminfo(room, root);
  return room;
}

void ask_limits_under(const fs::path& root) {
  limits_root() = root;
  budget.store(0);
}

void check_memory(std::size_t bytes) {
  const auto wanted = static_cast<std::int64_t>(bytes);
  std::int64_t left = budget.load(std::memory_order_relaxed);
  while (left >= wanted)
    if (budget.compare_exchange_weak(left, left - wanted, std::memory_order_relaxed)) return;
  const MemoryRoom room = memory_room(limits_root());
  if (room.bytes < slack || room.bytes - slack < bytes)
    throw_os_error(ENOMEM, "arena",
                   std::to_string(bytes) + " bytes wanted, " + std::to_string(room.bytes) +
                       " left (" + room.limit + ")");
  const auto fresh = static_cast<std::int64_t>(std::min<std::uint64_t>(
      (room.bytes - slack - bytes) / 16, static_cast<std::uint64_t>(most_budget)));
  budget.store(fresh, std::memory_order_relaxed);
}

}  // namespace multiprocessing::detail
