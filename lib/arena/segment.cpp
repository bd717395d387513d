#include "arena/segment.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "base/os_error.hpp"
#include "base/shm_folder.hpp"
#include "base/unique_fd.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t largest = std::size_t{1} << 40;
constexpr std::size_t page = 4096;
constexpr int first_descriptor = 64;  // out of the way of 0-2 and of small numbers in user code

constexpr std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Above the low numbers, so that a program that closes and reopens 0-2 does not meet ours.
UniqueFd raised(UniqueFd low) {
  int high = fcntl(low.get(), F_DUPFD_CLOEXEC, first_descriptor);
  return high < 0 ? std::move(low) : UniqueFd{high};  // a low RLIMIT_NOFILE allows no high one
}

UniqueFd memory_file(const char* name) {
  UniqueFd file{memfd_create(name, MFD_CLOEXEC)};
  if (!file) throw_os_error("memfd_create", name);
  return raised(std::move(file));
}

UniqueFd make_bequest() {
  UniqueFd file{open(shm_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (!file || flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return memory_file("multiprocessing-bequest");
  return raised(std::move(file));
}

/// Growing a file beyond RLIMIT_FSIZE is answered by a deadly SIGXFSZ.
std::size_t most_bytes() {
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return largest;
  return std::min<std::size_t>(largest, limit.rlim_cur / page * page);
}

void* map(int fd, std::size_t bytes) {
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  // A core dump would write every page of it, seconds to minutes for a large arena.
  if (address != MAP_FAILED) madvise(address, bytes, MADV_DONTDUMP);
  return address;
}

constexpr std::size_t states_at = page;
constexpr std::size_t slots_at = round_up(states_at + slot_count * sizeof(std::uint64_t), page);
constexpr std::size_t tables_at = round_up(slots_at + slot_count * sizeof(Slot), page);

/// How many chunks there are tables for: what is left over at the end, by rounding, is not used.
constexpr std::size_t chunks_in(std::size_t size) {
  const std::size_t per_chunk =
      chunk_bytes + words_per_chunk * sizeof(Link) + sizeof(std::uint64_t) + sizeof(std::int32_t);
  return (size - tables_at - 4 * chunk_bytes) / per_chunk;
}

/// Places the tables one after the other. A pure function of the size, so that all members agree.
Segment lay_out(void* base, std::size_t size) {
  Segment segment;
  segment.base = static_cast<std::byte*>(base);
  segment.size = size;
  const std::size_t chunks = chunks_in(size);
  const std::size_t used_at = round_up(tables_at + chunks * sizeof(std::uint64_t), page);
  const std::size_t owners_at = round_up(used_at + chunks * sizeof(std::int32_t), page);
  const std::size_t chunks_at =
      round_up(owners_at + chunks * words_per_chunk * sizeof(Link), chunk_bytes);
  segment.header = segment.at<Header>(0);
  segment.states = segment.at<std::atomic<std::uint64_t>>(states_at);
  segment.slots = segment.at<Slot>(slots_at);
  segment.chunk_words = segment.at<std::atomic<std::uint64_t>>(tables_at);
  segment.used = segment.at<std::atomic<std::int32_t>>(used_at);
  segment.owners = segment.at<Link>(owners_at);
  segment.chunks = segment.at<std::byte>(chunks_at);
  return segment;
}

constexpr std::size_t smallest = std::size_t{16} << 20;

}  // namespace

FileId file_of(int fd) {
  struct stat seen {};
  return fstat(fd, &seen) == 0 ? FileId{seen.st_dev, seen.st_ino} : FileId{};
}

Segment make_segment() {
  UniqueFd arena = memory_file("multiprocessing-arena");
  UniqueFd family = memory_file("multiprocessing-family");
  UniqueFd bequest = make_bequest();
  std::size_t size = most_bytes();
  void* base = MAP_FAILED;
  for (; size >= smallest; size = size / 2 / page * page) {
    if (ftruncate(arena.get(), static_cast<off_t>(size)) != 0) continue;
    base = map(arena.get(), size);
    if (base != MAP_FAILED) break;
  }
  if (base == MAP_FAILED)
    throw_os_error(ENOMEM, "mmap",
                   "the shared arena: 16 MiB of addresses and of file size are the least it needs; "
                   "raise `ulimit -v` or `ulimit -f`");
  Segment segment = lay_out(base, size);
  Header& header = *segment.header;
  if (getrandom(&header.arena, sizeof header.arena, 0) != sizeof header.arena)
    throw_os_error("getrandom");
  header.size = size;
  header.chunks = chunks_in(size);
  header.magic = arena_magic;
  segment.arena_fd = arena.release();
  segment.family_fd = family.release();
  segment.bequest_fd = bequest.release();
  segment.arena_file = file_of(segment.arena_fd);
  segment.family_file = file_of(segment.family_fd);
  segment.bequest_file = file_of(segment.bequest_fd);
  return segment;
}

Segment map_segment(const ArenaAddress& address) {
  Header header{};
  if (pread(address.arena_fd, static_cast<void*>(&header), sizeof header, 0) != sizeof header ||
      header.magic != arena_magic || header.arena != address.arena)
    throw ProcessError("the descriptor that the parent named is not its shared arena");
  void* base = map(address.arena_fd, header.size);
  if (base == MAP_FAILED)
    throw_os_error("mmap", "the parent's shared arena of " + std::to_string(header.size >> 20) +
                               " MiB of addresses (`ulimit -v` is lower here than it was there)");
  Segment segment = lay_out(base, header.size);
  segment.arena_fd = address.arena_fd;
  segment.family_fd = address.family_fd;
  segment.bequest_fd = address.bequest_fd;
  segment.arena_file = file_of(segment.arena_fd);
  segment.family_file = file_of(segment.family_fd);
  segment.bequest_file = file_of(segment.bequest_fd);
  for (int fd : {segment.arena_fd, segment.family_fd, segment.bequest_fd})
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  return segment;
}

}  // namespace multiprocessing::detail
