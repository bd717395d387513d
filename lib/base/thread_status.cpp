#include "base/thread_status.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/unique_fd.hpp"

namespace multiprocessing::detail {

std::string read_small_file(const char* path) {
  errno = 0;
  const UniqueFd file{open(path, O_RDONLY | O_CLOEXEC)};
  if (!file) return {};
  std::string text;
  char piece[4096];
  for (;;) {
    const ssize_t got = read(file.get(), piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {};
    if (got == 0) return text;
    text.append(piece, static_cast<std::size_t>(got));
  }
}

ThreadStatus::ThreadStatus(const char* path) : text_(read_small_file(path)) {
  if (!text_.starts_with("Name:")) text_.clear();  // another file lies there
}

std::string_view ThreadStatus::operator[](std::string_view name) const {
  std::string_view text{text_};
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.size() <= name.size() || line[name.size()] != ':' || !line.starts_with(name)) continue;
    line.remove_prefix(name.size() + 1);
    line.remove_prefix(std::min(line.find_first_not_of("\t "), line.size()));
    return line;
  }
  return {};
}

std::uint64_t ThreadStatus::number(std::string_view name, int base) const {
  const std::string_view text = (*this)[name];
  std::uint64_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

}  // namespace multiprocessing::detail
