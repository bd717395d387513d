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

/// Of one process: a forked child that ends does not remove what its parent listens at.
struct Files {
  Creator owner;
  std::vector<std::string> paths;
  std::vector<Folder> folders;
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

/// With the mutex held.
Files& files_of_this_process() {
  if (!files() || !files()->owner.is_this_process()) {
    files().emplace();
    (void)std::atexit([] {
      std::scoped_lock guard{files_mutex()};
      if (!files() || !files()->owner.is_this_process()) return;
      for (const std::string& path : std::exchange(files()->paths, {}))
        (void)::unlink(path.c_str());
      for (const Folder& folder : std::exchange(files()->folders, {}))
        (void)::rmdir(folder.path.c_str());
    });
  }
  return *files();
}

}  // namespace

void keep_folder(Folder folder) {
  std::scoped_lock guard{files_mutex()};
  files_of_this_process().folders.push_back(std::move(folder));
}

void remove_at_exit(const Address& address) {
  if (!has_file(address)) return;
  std::scoped_lock guard{files_mutex()};
  files_of_this_process().paths.push_back(address.path());
}

void remove_socket_file(const Address& address) {
  if (!has_file(address)) return;
  std::scoped_lock guard{files_mutex()};
  Files& files = files_of_this_process();
  std::erase(files.paths, address.path());
  (void)::unlink(address.path().c_str());
  const std::string folder = address.path().substr(0, address.path().rfind('/'));
  const auto ours = std::ranges::find(files.folders, folder, &Folder::path);
  if (ours == files.folders.end()) return;
  if (::rmdir(folder.c_str()) == 0) files.folders.erase(ours);
}

}  // namespace multiprocessing::detail
