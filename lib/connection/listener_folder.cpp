#include "connection/listener_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "connection/socket.hpp"
#include "connection/socket_files.hpp"

namespace multiprocessing::detail {
namespace {

// Python's own begin with pymp- as well, and have eight letters behind that.
constexpr std::string_view prefix = "pymp-cpp-";

/// Where Python's tempfile makes its files, in the order in which it tries them.
std::vector<std::string> temporary_folders() {
  std::vector<std::string> folders;
  for (const char* variable : {"TMPDIR", "TEMP", "TMP"})
    if (const char* named = std::getenv(variable); named != nullptr && *named != '\0')
      folders.emplace_back(named);
  folders.insert(folders.end(), {"/tmp", "/var/tmp", "/usr/tmp", "."});
  return folders;
}

UniqueFd lock_folder(const std::string& path) {
  UniqueFd folder{open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
  struct stat status {};
  if (!folder || flock(folder.get(), LOCK_EX | LOCK_NB) != 0) return {};
  if (fstat(folder.get(), &status) == 0 && status.st_nlink != 0) return folder;
  errno = ENOENT;  // removed between our opening and our locking it
  return {};
}

/// Nothing where none can be made.
std::optional<Folder> make_folder_in(const std::string& parent) {
  constexpr int attempts = 100;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::string path = parent + '/' + std::string{prefix} + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return {};
    fail_point("connection.folder.made");
    // A program that starts now may take it for one that was left, and remove it.
    if (UniqueFd lock = lock_folder(path)) return Folder{path, clear_of_stdio(std::move(lock))};
    const int error = errno;
    if (error == ENOLCK || error == EOPNOTSUPP) return Folder{path, {}};  // stays after a kill
    (void)rmdir(path.c_str());
    if (error == EMFILE || error == ENFILE) throw_os_error(error, "open", path);
  }
  return {};
}

/// With its lock held. What else is in it belongs to another program, and so it stays.
bool remove_folder(const std::string& path) {
  const std::string socket = path + "/listener";
  struct stat status {};
  if (lstat(socket.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) (void)unlink(socket.c_str());
  return rmdir(path.c_str()) == 0;
}

bool may_judge(const UniqueFd& folder) {
  struct stat status {};
  return fstat(folder.get(), &status) == 0 && (status.st_uid == geteuid() || geteuid() == 0);
}

int remove_folders_in(const std::string& parent) {
  const std::unique_ptr<DIR, int (*)(DIR*)> names{opendir(parent.c_str()), closedir};
  if (names == nullptr) return 0;
  int removed = 0;
  while (const dirent* entry = readdir(names.get())) {
    if (!std::string_view{entry->d_name}.starts_with(prefix)) continue;
    const std::string path = parent + '/' + entry->d_name;
    const UniqueFd lock = lock_folder(path);
    if (lock && may_judge(lock) && remove_folder(path)) ++removed;
  }
  return removed;
}

[[maybe_unused]] const int removed_at_start = [] {
  try {
    return remove_listener_folders();
  } catch (const std::exception&) {  // no memory: nothing that must be done now
    return 0;
  }
}();

}  // namespace

// Absolute, because processes in other folders connect to what is made in it.
std::string make_listener_folder() {
  // What is made in it has to fit into a socket's address.
  constexpr std::size_t longest = longest_path - prefix.size() - sizeof "/XXXXXX/listener";
  std::string tried;
  for (const std::string& parent : temporary_folders()) {
    std::error_code error;
    const std::string absolute = std::filesystem::absolute(parent, error).lexically_normal();
    tried += (tried.empty() ? "" : ", ") + absolute;
    if (error || absolute.size() > longest) continue;
    if (std::optional<Folder> made = make_folder_in(absolute)) {
      std::string path = made->path;
      keep_folder(std::move(*made));
      return path;
    }
  }
  throw_os_error(ENOENT, "mkdtemp", "no usable temporary folder among " + tried);
}

int remove_listener_folders() {
  int removed = 0;
  for (const std::string& parent : temporary_folders())
    if (parent != ".") removed += remove_folders_in(parent);
  return removed;
}

}  // namespace multiprocessing::detail
