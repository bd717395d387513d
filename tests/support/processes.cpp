#include "support/processes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

namespace test_support {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream content;
  content << file.rdbuf();  // keeps to itself that the process ended meanwhile (ESRCH)
  return content.str();
}

std::optional<ProcessInfo> info_of(pid_t pid) {
  std::string line = content_of("/proc/" + std::to_string(pid) + "/stat");
  // The name stands in parentheses and may hold any character, these too.
  auto open = line.find('(');
  auto close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  ProcessInfo info{.pid = pid, .name = line.substr(open + 1, close - open - 1)};
  std::istringstream rest{line.substr(close + 1)};
  rest >> info.state >> info.parent;
  return info;
}

}  // namespace

std::vector<ProcessInfo> all_processes() {
  std::vector<ProcessInfo> found;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return found;
  while (const dirent* entry = readdir(proc)) {
    char* end = nullptr;
    long pid = std::strtol(entry->d_name, &end, 10);
    if (pid <= 0 || *end != '\0') continue;
    if (auto info = info_of(static_cast<pid_t>(pid))) found.push_back(*info);
  }
  closedir(proc);
  return found;
}

std::vector<ProcessInfo> descendants_of(pid_t ancestor) {
  std::vector<ProcessInfo> everybody = all_processes();
  std::vector<pid_t> line{ancestor};
  std::vector<ProcessInfo> found;
  for (std::size_t next = 0; next < line.size(); ++next) {
    for (const ProcessInfo& process : everybody) {
      if (process.parent != line[next]) continue;
      found.push_back(process);
      line.push_back(process.pid);
    }
  }
  return found;
}

std::vector<ProcessInfo> processes_with_environment(std::string_view entry) {
  std::string wanted = std::string(entry) + '\0';
  std::vector<ProcessInfo> found = all_processes();
  std::erase_if(found, [&](const ProcessInfo& process) {
    std::string environment = content_of("/proc/" + std::to_string(process.pid) + "/environ");
    return environment.find(wanted) == std::string::npos;
  });
  return found;
}

std::string describe(const ProcessInfo& process) {
  std::string command = content_of("/proc/" + std::to_string(process.pid) + "/cmdline");
  std::replace(command.begin(), command.end(), '\0', ' ');
  std::ostringstream out;
  out << process.pid << " (" << process.name << ") " << process.state << " parent "
      << process.parent << ": " << command;
  return out.str();
}

void kill_descendants() {
  // A process that forks while it is being killed leaves a child for the next round.
  for (int round = 0; round < 200; ++round) {
    auto left = descendants_of(getpid());
    if (left.empty()) return;
    for (const ProcessInfo& process : left) kill(process.pid, SIGKILL);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    usleep(5000);
  }
}

}  // namespace test_support
