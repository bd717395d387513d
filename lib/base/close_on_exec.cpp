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

enum class Doing { mark, close };

MULTIPROCESSING_BORROWED_MEMORY void treat(Doing doing, unsigned fd) noexcept {
  if (doing == Doing::mark)
    syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
  else
    syscall(SYS_close, fd);
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

MULTIPROCESSING_BORROWED_MEMORY bool treat_listed(Doing doing, unsigned first) noexcept {
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
      if (fd != none && fd >= first && fd != listing) treat(doing, fd);
      at += entry->length;
    }
  }
  syscall(SYS_close, listing);
  return true;
}

MULTIPROCESSING_BORROWED_MEMORY void treat_to_limit(Doing doing, unsigned first) noexcept {
  struct {
    std::uint64_t soft, hard;
  } limit{1024, 1024};
  syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
  for (std::uint64_t fd = first; fd < limit.soft; ++fd) treat(doing, static_cast<unsigned>(fd));
}

}  // namespace

MULTIPROCESSING_BORROWED_MEMORY void set_close_on_exec_from(unsigned first) noexcept {
  if (syscall(SYS_close_range, first, ~0U, mark_only) == 0) return;
  if (!treat_listed(Doing::mark, first)) treat_to_limit(Doing::mark, first);
}

MULTIPROCESSING_BORROWED_MEMORY void close_from(unsigned first) noexcept {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  if (!treat_listed(Doing::close, first)) treat_to_limit(Doing::close, first);
}

}  // namespace multiprocessing::detail
