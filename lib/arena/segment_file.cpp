#include "arena/segment_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

#include "arena/windows.hpp"
#include "base/os_error.hpp"
#include "base/shm_folder.hpp"
#include "base/unique_fd.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

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

constexpr std::size_t states_at = page;
constexpr std::size_t slots_at = round_up(states_at + slot_count * sizeof(std::uint64_t), page);
constexpr std::size_t windows_at = round_up(slots_at + slot_count * sizeof(Slot), page);
constexpr std::size_t window_owners_at = windows_at + most_windows * sizeof(std::uint64_t);
constexpr std::size_t chunks_at =
    round_up(window_owners_at + most_windows * sizeof(Link), chunk_bytes);
constexpr std::size_t per_chunk =
    chunk_bytes + words_per_chunk * sizeof(Link) + sizeof(std::uint64_t) + sizeof(std::int32_t);
/// Some large messages on their way, and what others keep.
constexpr std::size_t default_warm_bytes = std::size_t{64} << 20;
constexpr std::size_t smallest = std::size_t{16} << 20;
constexpr std::size_t largest = chunks_at + most_windows * window_chunks * per_chunk + 2 * page;

/// How many chunks there are tables for: what is left over at the end, by rounding, is not used.
constexpr std::size_t chunks_in(std::size_t size) {
  return std::min((size - chunks_at - 2 * page) / per_chunk, most_windows * window_chunks);
}

/// What the user says, in bytes, or in K, M, G or T of 1024.
std::size_t asked_bytes(const char* variable, std::size_t otherwise) {
  const char* const asked = std::getenv(variable);
  if (asked == nullptr || *asked == 0) return otherwise;
  constexpr std::string_view units = "KMGT";
  char* end = nullptr;
  errno = 0;
  const std::uint64_t number = std::strtoull(asked, &end, 10);
  const auto unit = *end == 0 ? units.npos : units.find(*end);
  const bool has_unit = unit != units.npos && end[1] == 0;
  if (end == asked || *asked == '-' || errno != 0 || (*end != 0 && !has_unit))
    throw ValueError(std::string{variable} +
                     " is a number of bytes, such as 268435456 or 256M, and not \"" + asked + '"');
  const std::size_t shift = has_unit ? 10 * (unit + 1) : 0;
  return number >= largest >> shift ? largest : number << shift;
}

/// Growing a file beyond RLIMIT_FSIZE is answered by a deadly SIGXFSZ.
std::size_t most_bytes() {
  const std::size_t asked = asked_bytes("MULTIPROCESSING_ARENA_LIMIT", largest) / page * page;
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return asked;
  return std::min<std::size_t>(asked, limit.rlim_cur / page * page);
}

/// Chunks first, so that an address is the base and an offset, whatever is mapped; the tables
/// behind them. A pure function of the size, so that all members agree.
FileLayout file_layout(std::size_t size) {
  FileLayout file;
  file.size = size;
  file.chunks = chunks_in(size);
  file.chunks_at = chunks_at;
  file.words_at = chunks_at + file.chunks * chunk_bytes;
  file.used_at = round_up(file.words_at + file.chunks * sizeof(std::uint64_t), page);
  file.owners_at = round_up(file.used_at + file.chunks * sizeof(std::int32_t), page);
  return file;
}

Segment segment_at(std::byte* base, const FileLayout& file) {
  Segment segment;
  segment.base = base;
  segment.header = segment.at<Header>(0);
  segment.states = segment.at<std::atomic<std::uint64_t>>(states_at);
  segment.slots = segment.at<Slot>(slots_at);
  segment.window_words = segment.at<std::atomic<std::uint64_t>>(windows_at);
  segment.window_owners = segment.at<Link>(window_owners_at);
  segment.chunk_words = segment.at<std::atomic<std::uint64_t>>(file.words_at);
  segment.used = segment.at<std::atomic<std::int32_t>>(file.used_at);
  segment.owners = segment.at<Link>(file.owners_at);
  segment.chunks = segment.at<std::byte>(chunks_at);
  return segment;
}

void remember_files(Segment& segment, int arena, int family, int bequest) {
  segment.arena_fd = arena;
  segment.family_fd = family;
  segment.arena_file = file_of(arena);
  segment.family_file = file_of(family);
  segment.bequest_fd = bequest;
  segment.bequest_file = file_of(bequest);
}

[[noreturn]] void throw_no_arena(const char* call, int error) {
  std::string what = "the shared arena";
  if (error == ENOMEM || error == EAGAIN)
    what += ": 16 MiB of addresses are the least it needs; raise `ulimit -v` (or `ulimit -l`)";
  if (error == EFBIG)
    what +=
        ": 16 MiB of file size are the least it needs; raise `ulimit -f`, or "
        "MULTIPROCESSING_ARENA_LIMIT";
  throw_os_error(error, call, what);
}

[[noreturn]] void throw_not_mapped() {
  std::string what = "the first 64 MiB of the parent's shared arena";
  if (errno == ENOMEM || errno == EAGAIN)
    what += " (`ulimit -v` or `ulimit -l` is lower here than it was there)";
  throw_os_error("mmap", what);
}

std::size_t size_of_parents(const ArenaAddress& address) {
  Header header{};
  const ssize_t got = pread(address.arena_fd, static_cast<void*>(&header), sizeof header, 0);
  if (got < 0) throw_os_error("pread", "the parent's shared arena");
  if (got != sizeof header || header.magic != arena_magic || header.arena != address.arena)
    throw ProcessError("the descriptor that the parent named is not its shared arena");
  return header.size;
}

}  // namespace

Segment make_segment() {
  UniqueFd arena = memory_file("multiprocessing-arena");
  UniqueFd family = memory_file("multiprocessing-family");
  UniqueFd bequest = make_bequest();
  std::byte* base = nullptr;
  std::size_t size = most_bytes();
  const char* call = "ftruncate";
  int error = EFBIG;  // where no size is small enough
  for (; size >= smallest; size = size / 2 / page * page) {
    const bool sized = ftruncate(arena.get(), static_cast<off_t>(size)) == 0;
    if (sized) base = map_first_window(arena.get(), file_layout(size));
    if (base != nullptr) break;
    call = sized ? "mmap" : "ftruncate";
    error = errno;
  }
  if (base == nullptr) throw_no_arena(call, error);
  const FileLayout file = file_layout(size);
  Segment segment = segment_at(base, file);
  Header& header = *segment.header;
  if (getrandom(&header.arena, sizeof header.arena, 0) != sizeof header.arena)
    throw_os_error("getrandom");
  header.size = size;
  header.chunks = file.chunks;
  header.warm_bytes = asked_bytes("MULTIPROCESSING_ARENA_WARM", default_warm_bytes);
  const std::uint64_t windows = (file.chunks + window_chunks - 1) / window_chunks;
  header.borders = Borders{.low = 1, .high = windows}.packed();
  header.magic = arena_magic;
  remember_files(segment, arena.release(), family.release(), bequest.release());
  windows_here.borders = &header.borders;
  return segment;
}

Segment map_segment(const ArenaAddress& address) {
  const FileLayout file = file_layout(size_of_parents(address));
  std::byte* base = map_first_window(address.arena_fd, file);
  if (base == nullptr) throw_not_mapped();
  Segment segment = segment_at(base, file);
  remember_files(segment, address.arena_fd, address.family_fd, address.bequest_fd);
  for (int fd : {segment.arena_fd, segment.family_fd, segment.bequest_fd})
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  windows_here.borders = &segment.header->borders;
  return segment;
}

}  // namespace multiprocessing::detail
