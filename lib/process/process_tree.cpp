#include "process/process_tree.hpp"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "base/death.hpp"

namespace multiprocessing::detail {
namespace {

// A process that starts others faster than they are stopped comes to an end somewhere.
constexpr int most_rounds = 64;

std::optional<pid_t> parent_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text, '\0')) return {};
  // Behind the name, which may hold anything: a letter, and then the parent.
  const std::size_t name_ends = text.rfind(')');
  if (name_ends == std::string::npos || name_ends + 4 > text.size()) return {};
  pid_t parent = 0;
  const char* const begin = text.data() + name_ends + 4;
  if (std::from_chars(begin, text.data() + text.size(), parent).ec != std::errc{}) return {};
  return parent;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc{} && end == name.data() + name.size()) pids.push_back(pid);
  }
  return pids;
}

/// None when it has ended, or no descriptor is left.
UniqueFd opened(pid_t pid) {
  try {
    return open_pidfd(pid);
  } catch (const std::exception&) {
    return {};
  }
}

bool has_ended(int pidfd) {
  pollfd end{.fd = pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&end, 1, 0) != 0;
}

}  // namespace

ProcessTree::ProcessTree(std::vector<Root> roots) noexcept : roots_(std::move(roots)) {
  try {
    for (const Root& root : roots_)
      static_cast<void>(signal_process(root.pidfd, root.pid, SIGSTOP));
    for (int round = 0; round < most_rounds && stop_children(); ++round) {
    }
  } catch (const std::exception&) {
    // Those that were found by then are what there is.
  }
}

bool ProcessTree::contains(pid_t pid) const {
  // As long as a root has not ended, its id is its own.
  for (const Root& root : roots_)
    if (root.pid == pid) return !has_ended(root.pidfd);
  return std::ranges::find(descendants_, pid, &Found::pid) != descendants_.end();
}

/// True when one was found that had not been known.
bool ProcessTree::stop_children() {
  const std::size_t before = descendants_.size();
  for (const pid_t pid : all_processes()) {
    const std::optional<pid_t> parent = parent_of(pid);
    if (!parent || !contains(*parent) || contains(pid)) continue;
    Found found{pid, opened(pid)};
    if (!found.pidfd) continue;
    // One that has ended by now may have given its id to a process that has another parent.
    const std::optional<pid_t> still = parent_of(pid);
    if (!still || !contains(*still)) continue;
    if (!signal_process(found.pidfd.get(), pid, SIGSTOP)) continue;
    descendants_.push_back(std::move(found));
  }
  return descendants_.size() != before;
}

void ProcessTree::resume() const noexcept {
  signal_descendants(SIGCONT);
  for (const Root& root : roots_) static_cast<void>(signal_process(root.pidfd, root.pid, SIGCONT));
}

void ProcessTree::signal_descendants(int signal) const noexcept {
  for (const Found& found : descendants_)
    static_cast<void>(signal_process(found.pidfd.get(), found.pid, signal));
}

}  // namespace multiprocessing::detail
