#include "pool/bell.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>

#include "base/os_error.hpp"

namespace multiprocessing::detail {

Bell::Bell() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw_os_error("pipe2", "a pool's bell");
  read_ = clear_of_stdio(UniqueFd{ends[0]});
  write_ = clear_of_stdio(UniqueFd{ends[1]});
}

void Bell::silence() const noexcept {
  std::array<char, 512> rings;
  while (::read(read_.get(), rings.data(), rings.size()) == static_cast<ssize_t>(rings.size())) {
  }
}

/// Opened anew each time, which is seldom: a task may have closed what its worker had open.
void ring_the_pool(const Board& board) noexcept {
  std::array<char, 64> path;
  (void)std::snprintf(path.data(), path.size(), "/proc/%d/fd/%d", static_cast<int>(board.maker),
                      board.bell);
  const UniqueFd rope{::open(path.data(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
  // The program may have closed that number and opened a file of its own under it.
  struct stat seen {};
  if (rope && fstat(rope.get(), &seen) == 0 && S_ISFIFO(seen.st_mode)) ring(rope.get());
}

}  // namespace multiprocessing::detail
