#include "shared_memory/block.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "arena/memory_limits.hpp"
#include "base/deadline.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "base/unique_fd.hpp"
#include "shared_memory/claim.hpp"
#include "shared_memory/folder.hpp"
#include "shared_memory/orphans.hpp"

namespace multiprocessing::detail {
namespace {

[[noreturn]] void throw_no_room(int error, std::size_t size, const std::string& why) {
  throw_os_error(error, "reserve", std::to_string(size) + " bytes for a block: " + why);
}

// The kernel answers these limits by a signal instead of an error.
void check_room(std::size_t size) {
  rlimit files{};
  if (getrlimit(RLIMIT_FSIZE, &files) == 0 && std::max(size, sizeof(ClaimRecord)) > files.rlim_cur)
    throw_no_room(EFBIG, size,
                  "files may have " + std::to_string(files.rlim_cur) + " (RLIMIT_FSIZE)");
  // Small blocks are asked for together: to read all limits takes longer than to make one.
  constexpr std::size_t asked_for_at_once = std::size_t{1} << 20U;
  static std::atomic<std::size_t> not_asked_for{asked_for_at_once};
  if (size < asked_for_at_once && not_asked_for.fetch_add(size) + size < asked_for_at_once) return;
  not_asked_for = 0;
  if (const MemoryRoom room = memory_room(); std::max(size, asked_for_at_once) > room.bytes)
    throw_no_room(ENOMEM, size, room.limit);
}

/// In pieces, so that signals do not make it begin anew each time. 0 or what went wrong.
int try_to_reserve(int fd, std::size_t size) {
  constexpr std::size_t piece = std::size_t{32} << 20U;
  for (std::size_t done = 0; done < size;) {
    const std::size_t now = std::min(piece, size - done);
    const int error = posix_fallocate(fd, static_cast<off_t>(done), static_cast<off_t>(now));
    if (error == EINTR) continue;
    if (error != 0) return error;
    done += now;
  }
  return 0;
}

void reserve(int fd, std::size_t size) {
  int error = try_to_reserve(fd, size);
  if (error == ENOSPC && !remove_orphans().empty()) error = try_to_reserve(fd, size);
  if (error == 0) return;
  struct statvfs room {};
  [[maybe_unused]] const int emptied = ftruncate(fd, 0);
  static_cast<void>(fstatvfs(fd, &room));
  throw_no_room(error, size,
                "its file system has " + std::to_string(room.f_bavail * room.f_bsize) + " left");
}

std::shared_ptr<void> map(int fd, std::size_t size, const std::string& name) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) throw_os_error("mmap", '/' + name);
  return {memory, [size](void* at) { munmap(at, size); }};
}

/// A claim and the block that is being made; both are removed unless the block gets its name.
class Making {
 public:
  Making() : claim_(begin_claim()), path_(path_of(block_of_claim(claim_))) {
    fail_point("shared_memory.create.claimed");
    block_.reset(open(path_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!block_) fail("open");
    fail_point("shared_memory.create.made");
  }
  ~Making() {
    if (!kept_) drop_claim(claim_);
  }
  Making(const Making&) = delete;

  [[nodiscard]] int fd() const { return block_.get(); }

  /// False when the name is taken.
  [[nodiscard]] bool publish(const std::string& file) {
    record_claim(claim_, file);
    fail_point("shared_memory.create.recorded");
    if (link(path_.c_str(), path_of(file).c_str()) != 0) {
      if (errno == EEXIST) return false;
      throw_os_error("link", path_of(file));
    }
    fail_point("shared_memory.create.published");
    unlink(path_.c_str());
    return true;
  }

  /// The claim stays with this process.
  void keep() { kept_ = true; }

 private:
  // Where a constructor throws, the destructor does not run.
  [[noreturn]] void fail(const char* call) {
    const int error = errno;
    drop_claim(claim_);
    throw_os_error(error, call, path_);
  }

  std::string claim_;
  std::string path_;  // of the block until it has its name
  UniqueFd block_;
  bool kept_ = false;
};

}  // namespace

Block create_block(std::string name, std::size_t size, bool track, const FillBlock& fill) {
  const bool made_up = name.empty();
  if (made_up) name = made_up_name();
  std::string file = file_of_block(name);
  if (size == 0) throw ValueError("'size' must be a positive number different from zero");
  check_room(size);
  Making making;
  reserve(making.fd(), size);
  fail_point("shared_memory.create.reserved");
  Block block{{}, size, map(making.fd(), size, name)};
  if (fill) fill({static_cast<std::byte*>(block.mapping.get()), size});
  while (!making.publish(file)) {
    if (!made_up) throw_os_error(EEXIST, "shm_open", '/' + name);
    name = made_up_name();
    file = file_of_block(name);
  }
  if (track) making.keep();
  block.name = std::move(name);
  return block;
}

Block attach_block(const std::string& name) {
  const std::string path = path_of(file_of_block(name));
  const UniqueFd fd{open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) {
    const int error = errno;
    check_folder_is_there(error);
    throw_os_error(error == EISDIR ? EINVAL : error, "shm_open", '/' + name);
  }
  // CPython makes the name first and the size after it: a creator that lives needs a moment.
  const Deadline patience{std::chrono::milliseconds{200}};
  struct stat status {};
  while (fstat(fd.get(), &status) == 0 && status.st_size == 0) {
    if (patience.passed())
      throw ValueError("the block " + name + " is empty, so nothing can be mapped");
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  return {name, size, map(fd.get(), size, name)};
}

}  // namespace multiprocessing::detail
