#include "monitor/read_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "base/os_error.hpp"
#include "base/unique_fd.hpp"

namespace multiprocessing::detail {
namespace {

/// An errno, 0 when the text is whole.
int read_into(std::string& text, const std::string& path) {
  const UniqueFd file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return errno;
  std::array<char, 16384> part;
  for (;;) {
    const ssize_t count = read(file.get(), part.data(), part.size());
    if (count == 0) return 0;
    if (count > 0)
      text.append(part.data(), static_cast<std::size_t>(count));
    else if (errno != EINTR)
      return errno;
  }
}

}  // namespace

std::string read_file(const std::string& path) {
  std::string text;
  if (const int error = read_into(text, path)) throw_os_error(error, "open", path);
  return text;
}

std::string read_file_if_any(const std::string& path) {
  std::string text;
  return read_into(text, path) == 0 ? text : std::string{};
}

}  // namespace multiprocessing::detail
