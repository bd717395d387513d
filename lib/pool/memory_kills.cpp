#include "pool/memory_kills.hpp"

#include <fstream>
#include <mutex>
#include <utility>

#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

const std::string mount = "/sys/fs/cgroup";

std::string& chosen_file() {
  static std::string file;
  return file;
}

std::optional<std::uint64_t> count_in(const std::string& file) {
  std::ifstream in{file};
  std::uint64_t count = 0;
  for (std::string word; in >> word;)
    if (word == "oom_kill" && in >> count) return count;
  return std::nullopt;
}

/// The group of a line of /proc/self/cgroup, "NUMBER:CONTROLLERS:GROUP", as a file that counts.
std::string file_of(const std::string& line) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first + 1);
  if (second == line.npos) return {};
  const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
  const std::string group = line.substr(second + 1);
  if (controllers == ",,") return mount + group + "/memory.events";
  if (controllers.find(",memory,") == controllers.npos) return {};
  return mount + "/memory" + group + "/memory.oom_control";
}

std::string own_file() {
  if (!chosen_file().empty()) return chosen_file();
  std::ifstream groups{"/proc/self/cgroup"};
  for (std::string line; std::getline(groups, line);)
    if (std::string file = file_of(line); !file.empty() && count_in(file)) return file;
  // A container may see its own group as the root, under another name than it has there.
  for (const char* root : {"/memory.events", "/memory/memory.oom_control"})
    if (count_in(mount + root)) return mount + root;
  return "/proc/vmstat";
}

}  // namespace

MemoryKills::MemoryKills() {
  std::scoped_lock guard{fork_gate()};  // a child forked meanwhile would keep the file open
  file_ = own_file();
  seen_ = count_in(file_);
}

std::string MemoryKills::told() {
  std::scoped_lock guard{fork_gate()};
  const auto now = count_in(file_);
  if (!now || !seen_) return {};
  if (*now > *seen_) untold_ += *now - *seen_;
  seen_ = now;
  if (untold_ == 0) return {};
  --untold_;
  return ", probably by the kernel for want of memory: oom_kill in " + file_ + " has risen to " +
         std::to_string(*now);
}

void set_memory_kills_file(std::string path) { chosen_file() = std::move(path); }

}  // namespace multiprocessing::detail
