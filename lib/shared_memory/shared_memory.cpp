#include "multiprocessing/shared_memory/shared_memory.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "shared_memory/block.hpp"
#include "shared_memory/claim.hpp"
#include "shared_memory/folder.hpp"

namespace multiprocessing {

SharedMemory::SharedMemory(std::string_view name) : name_(name) { attach(); }

SharedMemory::SharedMemory(const SharedMemoryOptions& options) : SharedMemory(options, nullptr) {}

SharedMemory::SharedMemory(const SharedMemoryOptions& options, const Fill& fill) {
  if (options.create) {
    create(options, fill);
    return;
  }
  if (options.name.empty())
    throw ValueError("'name' can only be left out when the block is created: set .create = true");
  name_ = options.name;
  attach();
}

void SharedMemory::create(const SharedMemoryOptions& options, const Fill& fill) {
  detail::Block block = detail::create_block(options.name, options.size, options.track, fill);
  name_ = std::move(block.name);
  size_ = block.size;
  mapping_ = std::move(block.mapping);
}

void SharedMemory::attach() {
  detail::Block block = detail::attach_block(name_);
  size_ = block.size;
  mapping_ = std::move(block.mapping);
}

void SharedMemory::attach_if_named() {
  close();
  size_ = 0;
  if (!name_.empty()) attach();
}

void* SharedMemory::memory() const {
  if (mapping_ == nullptr) throw ValueError("this SharedMemory is closed, or names no block");
  return mapping_.get();
}

void SharedMemory::unlink() const {
  const std::string file = detail::file_of_block(name_);
  detail::fail_point("shared_memory.unlink.before");
  const bool gone = ::unlink(detail::path_of(file).c_str()) != 0;
  const int error = errno;
  detail::fail_point("shared_memory.unlink.unnamed");
  // Also when another process was faster: the claim is on nothing now.
  if (!gone || error == ENOENT) detail::drop_claims_on(file);
  if (gone) detail::check_folder_is_there(error);
  if (gone) detail::throw_os_error(error, "shm_unlink", '/' + name_);
}

std::string to_string(const SharedMemory& block) {
  return "SharedMemory('" + block.name() + "', size=" + std::to_string(block.size()) + ')';
}

}  // namespace multiprocessing
