#include "shared_memory/folder.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/random.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <mutex>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

constinit std::atomic<const std::string*> other_folder{nullptr};
constinit std::atomic<std::string (*)()> name_maker{nullptr};

const char* folder_path() {
  if (const std::string* other = other_folder.load()) return other->c_str();
  static const char* const asked = std::getenv("MULTIPROCESSING_SHM_FOLDER");
  return asked != nullptr ? asked : "/dev/shm";
}

}  // namespace

UniqueFd open_block_folder() {
  UniqueFd folder{open(folder_path(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (folder) return folder;
  const int error = errno;
  if (error != ENOENT && error != ENOTDIR) throw_os_error(error, "open", folder_path());
  throw OSError{{ENOSYS, std::system_category()},
                std::string{"blocks with names live in "} + folder_path() +
                    ", which is not here: mount a tmpfs there, or use RawArray, which needs none"};
}

void check_block_name(std::string_view name) {
  if (name.find('\0') != std::string_view::npos)
    throw ValueError("the name of a block of shared memory has an embedded null character");
  if (name.empty() || name.size() > NAME_MAX || name == "." || name == ".." ||
      name.find('/') != std::string_view::npos || name.starts_with(claim_prefix))
    throw_os_error(EINVAL, "shm_open", '/' + std::string{name});
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
