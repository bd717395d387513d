#include "arena/windows.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string>

#include "arena/identity.hpp"
#include "arena/segment.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::uint64_t MiB = 1 << 20;
constinit const std::atomic<std::uint64_t> no_borders{0};

constexpr std::size_t whole_pages(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

/// Where no other mapping comes to lie: below those of the old layout, above those that go down
/// from there under an unlimited stack (21 TiB) and the shadows of AddressSanitizer.
std::byte* const wanted_base = reinterpret_cast<std::byte*>(0x2000'0000'0000);

/// Where this process maps further windows. Guarded by the mutex once it is attached.
struct Placed {
  std::byte* base = nullptr;
  FileLayout file;
  int fixed = MAP_FIXED_NOREPLACE;  // MAP_FIXED where all of it has been reserved
  std::uint64_t refused = 0;        // all of so many windows could not be had
};
Placed placed;

/// What a limit leaves beside the first window, or the arena would be there and nothing else.
constexpr std::size_t for_the_program = 4 << 20;

/// The windows that are mapped, for chunks or for large objects.
std::array<std::atomic<bool>, most_windows> there{};

/// What becomes of new mappings in a process that locks its memory (mlockall with MCL_FUTURE).
enum class Locked { filled, as_touched };

void unmap_part(std::size_t from, std::size_t until) {
  if (from >= until) return;
  void* const at = placed.base + from;
  if (placed.fixed == MAP_FIXED)
    mmap(at, until - from, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
         0);
  else
    munmap(at, until - from);
}

/// Maps this part of the file at its place. False and errno: it cannot, and nothing is mapped.
bool map_part(int fd, std::size_t from, std::size_t until, Locked locked) {
  if (from >= until) return true;
  std::byte* const at = placed.base + from;
  constexpr int usable = PROT_READ | PROT_WRITE;
  // The system fills what can be read when it is mapped, and not when it can be read later.
  const int first = locked == Locked::filled ? usable : PROT_NONE;
  void* const got = mmap(at, until - from, first, MAP_SHARED | MAP_NORESERVE | placed.fixed, fd,
                         static_cast<off_t>(from));
  if (got == MAP_FAILED) return false;
  if (got != at) {  // valgrind and kernels before 4.17 take the address as a hint
    munmap(got, until - from);
    errno = EEXIST;
    return false;
  }
  if (first != usable && mprotect(got, until - from, usable) != 0) {
    unmap_part(from, until);
    return false;
  }
  // A core dump would write every page of it, seconds to minutes for a large arena.
  madvise(got, until - from, MADV_DONTDUMP);
  return true;
}

/// The four parts of `windows` windows: what is known of chunks, and the chunks.
struct Ends {
  std::size_t words, used, owners, chunks;
};
Ends ends_of(std::uint64_t windows) {
  const FileLayout& file = placed.file;
  if (windows == 0) return {file.words_at, file.used_at, file.owners_at, 0};
  const std::size_t chunks = std::min(windows * window_chunks, file.chunks);
  return {file.words_at + whole_pages(chunks * sizeof(std::uint64_t)),
          file.used_at + whole_pages(chunks * sizeof(std::int32_t)),
          file.owners_at + chunks * words_per_chunk * sizeof(Link),
          file.chunks_at + chunks * chunk_bytes};
}

/// The memory of windows from `first` to `until`, where it is not there yet: a window that was
/// mapped for an object which came to nothing may be one of chunks later.
bool map_memory(int fd, std::uint64_t first, std::uint64_t until, Locked locked) {
  for (std::uint64_t from = first; from < until;) {
    std::uint64_t to = from;
    while (to < until && !there[to]) ++to;
    if (!map_part(fd, ends_of(from).chunks, ends_of(to).chunks, locked)) return false;
    for (; from < to; ++from) there[from].store(true, std::memory_order_release);
    while (from < until && there[from]) ++from;
  }
  return true;
}

/// From the windows that are mapped to `windows`; the tables first.
bool map_up_to(int fd, std::uint64_t windows) {
  const Ends from = ends_of(windows_here.mapped);
  const Ends until = ends_of(windows);
  const std::array<std::array<std::size_t, 2>, 3> tables = {
      {{from.words, until.words}, {from.used, until.used}, {from.owners, until.owners}}};
  std::size_t done = 0;
  while (done < tables.size() && map_part(fd, tables[done][0], tables[done][1], Locked::filled))
    ++done;
  if (done == tables.size() && map_memory(fd, windows_here.mapped, windows, Locked::filled)) {
    windows_here.mapped.store(windows, std::memory_order_release);
    return true;
  }
  const int error = errno;
  while (done-- > 0) unmap_part(tables[done][0], tables[done][1]);
  errno = error;
  return false;
}

std::byte* reserve(std::size_t bytes) {
  void* const got =
      mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return static_cast<std::byte*>(got == MAP_FAILED ? nullptr : got);
}

/// Whether the system gives that place on request. It is asked for as a hint, because
/// ThreadSanitizer aborts a program that asks for a fixed one; and for no more than is mapped,
/// because memcheck takes memory for each address asked for.
bool place_is_free(std::size_t bytes) {
  void* const got =
      mmap(wanted_base, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (got == MAP_FAILED) return false;
  munmap(got, bytes);
  return got == wanted_base;
}

std::uint64_t address_space_in_use() {
  std::uint64_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string limit_text(int which) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource>(which), &limit) != 0 ||
      limit.rlim_cur == RLIM_INFINITY)
    return "none";
  return std::to_string(limit.rlim_cur / MiB) + " MiB";
}

[[noreturn]] void throw_refused(int error, std::uint64_t bytes) {
  std::string text = std::to_string(bytes / MiB) + " MiB more of the shared arena wanted, " +
                     std::to_string(windows_here.mapped * window_bytes / MiB) +
                     " MiB of it mapped; ";
  if (error == EEXIST) {
    text += "another mapping of this program lies at the place";
  } else {
    text += "limit of address space (ulimit -v, RLIMIT_AS) " + limit_text(RLIMIT_AS) + ", in use " +
            std::to_string(address_space_in_use() / MiB) + " MiB";
    if (error == EAGAIN)
      text += "; limit of locked memory (ulimit -l, RLIMIT_MEMLOCK) " + limit_text(RLIMIT_MEMLOCK);
  }
  throw_os_error(error == EEXIST ? ENOMEM : error, "mmap", text);
}

/// The descriptor to map from, which the program may have closed.
int checked_file(const Segment& arena) {
  if (segment_if_any() != nullptr && !self_if_any()) throw_not_a_member();
  if (names_file(arena.arena_fd, arena.arena_file)) return arena.arena_fd;
  throw_descriptor_closed();
}

/// With the mutex held.
void map_locked(const Segment& arena, std::uint64_t windows) {
  const std::uint64_t mapped = windows_here.mapped;
  if (windows <= mapped) return;
  fail_point("arena.windows.before_map");
  if (!map_up_to(checked_file(arena), windows)) {
    const int error = errno;
    throw_refused(error, (windows - mapped) * (window_bytes + window_bytes / 8));
  }
}

void map_low(const Segment& arena, std::uint64_t windows) {
  if (windows <= windows_here.mapped.load(std::memory_order_acquire)) return;
  std::scoped_lock guard{windows_mutex()};
  map_locked(arena, windows);
}

/// All that is in use, unless that was refused before. It may be more than is needed.
void try_all(const Segment& arena) noexcept {
  try {
    std::scoped_lock guard{windows_mutex()};
    const std::uint64_t low = arena.borders().low;
    if (placed.refused == low) return;
    placed.refused = low;
    map_locked(arena, low);
    placed.refused = 0;
  } catch (const std::exception&) {
    // A caller that needs a certain part asks for that, and gets the reason of a refusal.
  }
}

void map_end(const Segment& arena, std::uint64_t end) {
  map_low(arena, arena.window_of(end - 1) + 1);
}

}  // namespace

constinit WindowsHere windows_here{&no_borders, 0};

std::mutex& windows_mutex() {
  static constinit std::mutex mutex;
  return mutex;
}

void throw_descriptor_closed() {
  throw ProcessError(
      "the descriptor of the shared arena was closed by somebody who did not open it (closefrom, "
      "a daemon's loop); keep those above 2 that this library opened");
}

std::byte* map_first_window(int arena_fd, const FileLayout& file) {
  placed = {.base = wanted_base, .file = file, .fixed = MAP_FIXED_NOREPLACE, .refused = 0};
  windows_here.mapped = 0;
  if (place_is_free(ends_of(1).chunks + for_the_program) && map_up_to(arena_fd, 1))
    return placed.base;
  placed.base = reserve(file.size + for_the_program);
  if (placed.base == nullptr) return nullptr;
  munmap(placed.base + whole_pages(file.size), for_the_program);
  placed.fixed = MAP_FIXED;
  if (map_up_to(arena_fd, 1)) return placed.base;
  const int error = errno;
  munmap(placed.base, file.size);
  errno = error;
  return nullptr;
}

void map_chunks(const Segment& arena, std::uint64_t chunk) {
  map_low(arena, (chunk + window_chunks - 1) / window_chunks);
}

std::uint64_t map_used_chunks(const Segment& arena) {
  const std::uint64_t end = arena.header->high_water.load();
  map_chunks(arena, end);
  return end;
}

std::uint64_t usable_chunks(const Segment& arena) noexcept {
  const std::uint64_t end = arena.header->high_water.load();
  if (told_of_windows()) try_all(arena);
  return std::min(end, windows_here.mapped.load() * window_chunks);
}

void map_told_windows(const void* address, std::size_t bytes) {
  const Segment& arena = segment();
  if (told_of_windows()) try_all(arena);
  map_end(arena, arena.offset_of(address) + bytes);
}

void map_object(const Segment& arena, std::uint64_t first, std::uint64_t count) {
  const auto is_there = [](const auto& window) { return window.load(std::memory_order_acquire); };
  const auto begin = there.begin() + static_cast<std::ptrdiff_t>(first);
  if (std::all_of(begin, begin + static_cast<std::ptrdiff_t>(count), is_there)) return;
  std::scoped_lock guard{windows_mutex()};
  fail_point("arena.windows.before_map");
  if (!map_memory(checked_file(arena), first, first + count, Locked::as_touched))
    throw_refused(errno, count * window_bytes);
}

void reach_more(const Segment& arena, std::uint64_t block, bool whole) {
  const std::uint64_t window = arena.window_of(block);
  if (window >= arena.borders().high) {
    const auto word = ChunkWord::from(arena.window_words[window].load());
    const bool all = whole && word.kind == ChunkKind::large;
    map_object(arena, window, all ? std::max<std::uint64_t>(word.value, 1) : 1);
    return;
  }
  try_all(arena);
  map_end(arena, block + 1);
  const auto word = ChunkWord::from(arena.chunk_words[arena.chunk_of(block)].load());
  if (whole && word.kind == ChunkKind::large) map_end(arena, block + word.value * chunk_bytes);
}

}  // namespace multiprocessing::detail
