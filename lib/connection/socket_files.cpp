#include "connection/socket_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

bool has_file(const Address& address) {
  return std::string_view{address.family()} == "AF_UNIX" && !address.is_abstract();
}

void remove_file(const std::string& path) {
  (void)::unlink(path.c_str());
  // arbitrary_address makes a folder for each; it is empty then.
  constexpr std::string_view mark = "/pymp-";
  const std::size_t end = path.rfind('/');
  if (end == std::string::npos) return;
  const std::string folder = path.substr(0, end);
  const std::size_t start = folder.rfind('/');
  if (start != std::string::npos && std::string_view{folder}.substr(start).starts_with(mark))
    (void)::rmdir(folder.c_str());
}

/// Of one process: a forked child that ends does not remove what its parent listens at.
struct Files {
  Creator owner;
  std::vector<std::string> paths;
};
// Guarded by the mutex; never destroyed, because exit handlers still ask.
std::mutex& files_mutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}
std::optional<Files>& files() {
  static std::optional<Files>& files = *new std::optional<Files>;
  return files;
}

void remove_all() {
  std::scoped_lock guard{files_mutex()};
  if (!files() || !files()->owner.is_this_process()) return;
  for (const std::string& path : std::exchange(files()->paths, {})) remove_file(path);
}

}  // namespace

void remove_at_exit(const Address& address) {
  if (!has_file(address)) return;
  std::scoped_lock guard{files_mutex()};
  if (!files() || !files()->owner.is_this_process()) {
    files().emplace();
    (void)std::atexit(remove_all);
  }
  files()->paths.push_back(address.path());
}

void remove_socket_file(const Address& address) {
  if (!has_file(address)) return;
  std::scoped_lock guard{files_mutex()};
  if (files()) std::erase(files()->paths, address.path());
  remove_file(address.path());
}

}  // namespace multiprocessing::detail
