#include "base/close_on_exec.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

// System calls are made by syscall(2) throughout, since sanitizers replace the C library's
// wrappers.
namespace multiprocessing::detail {
namespace {

#ifndef SYS_close_range
constexpr long SYS_close_range = 436;
#endif
constexpr unsigned mark_only = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11

// What getdents64(2) writes; the C library's struct differs on some machines.
struct DirectoryEntry {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t length;
  std::uint8_t type;
  char name[1];
};
constexpr long name_offset = 19;

MULTIPROCESSING_BORROWED_MEMORY void mark(unsigned fd) noexcept {
  syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
}

// The number that a name in /proc/self/fd stands for; `none` for "." and "..".
constexpr unsigned none = ~0U;
MULTIPROCESSING_BORROWED_MEMORY unsigned number_of(const char* name) noexcept {
  unsigned number = 0;
  if (*name < '0' || *name > '9') return none;
  for (; *name >= '0' && *name <= '9'; ++name)
    number = number * 10 + static_cast<unsigned>(*name - '0');
  return number;
}

MULTIPROCESSING_BORROWED_MEMORY bool mark_listed(unsigned first) noexcept {
  const long listing =
      syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listing < 0) return false;
  alignas(DirectoryEntry) char entries[1024];
  for (;;) {
    const long filled = syscall(SYS_getdents64, listing, entries, sizeof entries);
    if (filled <= 0) break;
    for (long at = 0; at < filled;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(entries + at);
      const unsigned fd = number_of(entries + at + name_offset);
      if (fd != none && fd >= first) mark(fd);
      at += entry->length;
    }
  }
  syscall(SYS_close, listing);
  return true;
}

MULTIPROCESSING_BORROWED_MEMORY void mark_to_limit(unsigned first) noexcept {
  struct {
    std::uint64_t soft, hard;
  } limit{1024, 1024};
  syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
  for (std::uint64_t fd = first; fd < limit.soft; ++fd) mark(static_cast<unsigned>(fd));
}

}  // namespace

MULTIPROCESSING_BORROWED_MEMORY void set_close_on_exec_from(unsigned first) noexcept {
  if (syscall(SYS_close_range, first, ~0U, mark_only) == 0) return;
  if (!mark_listed(first)) mark_to_limit(first);
}

}  // namespace multiprocessing::detail
