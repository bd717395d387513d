#include "shared_memory/folder.hpp"

#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <list>
#include <mutex>

#include "base/os_error.hpp"
#include "base/shm_folder.hpp"

namespace multiprocessing::detail {
namespace {

constinit std::atomic<const std::string*> other_folder{nullptr};
constinit std::atomic<std::string (*)()> name_maker{nullptr};

}  // namespace

std::string folder_path() {
  const std::string* other = other_folder.load();
  return other != nullptr ? *other : shm_folder();
}

std::string path_of(std::string_view file) { return folder_path() + '/' + std::string{file}; }

void check_folder_is_there(int error) {
  const std::string folder = folder_path();
  struct stat status {};
  if (error != ENOENT && error != ENOTDIR) return;
  if (stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return;
  throw OSError{{ENOSYS, std::system_category()},
                "blocks with names live in " + folder +
                    ", which is not here: mount a tmpfs there, or use RawArray, which needs none"};
}

std::string file_of_block(std::string_view name) {
  if (name.find('\0') != std::string_view::npos)
    throw ValueError("the name of a block of shared memory has an embedded null character");
  const std::string_view file = name.substr(std::min(name.find_first_not_of('/'), name.size()));
  int error = 0;
  if (file.empty() || file.find('/') != std::string_view::npos || file.starts_with(claim_prefix))
    error = EINVAL;
  else if (file.size() > NAME_MAX)
    error = ENAMETOOLONG;
  if (error != 0) throw_os_error(error, "shm_open", '/' + std::string{name});
  return std::string{file};
}

std::string random_digits(std::size_t count) {
  std::uint64_t random = 0;
  while (getrandom(&random, sizeof random, 0) != sizeof random)
    if (errno != EINTR) throw_os_error("getrandom");
  std::string digits;
  for (; digits.size() < count; random >>= 4U) digits += "0123456789abcdef"[random & 15U];
  return digits;
}

std::string made_up_name() {
  if (auto* maker = name_maker.load()) return maker();
  return "psm_" + random_digits(8);
}

void make_up_names_by(std::string (*maker)()) { name_maker = maker; }

void keep_blocks_in(const std::string& folder) {
  static std::mutex mutex;
  static auto* const all = new std::list<std::string>;  // some thread may be reading an earlier one
  const std::scoped_lock guard{mutex};
  other_folder = folder.empty() ? nullptr : &all->emplace_back(folder);
}

}  // namespace multiprocessing::detail
