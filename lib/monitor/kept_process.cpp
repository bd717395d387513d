#include "monitor/kept_process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "base/os_error.hpp"

namespace multiprocessing::detail {

KeptProcess::KeptProcess(const ProcessHandle& process) {
  const std::string path = "/proc/" + std::to_string(process.pid()) + "/stat";
  UniqueFd file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file && errno != ENOENT && errno != ESRCH) throw_os_error("open", path);
  // Without /proc no process has a file, also one that lives.
  if (!file && process.is_alive()) throw_os_error(ENOENT, "open", path);
  // It lived after the file was opened, so its id was its own then.
  if (file && process.is_alive()) file_ = clear_of_stdio(std::move(file));
}

std::optional<ProcessLine> KeptProcess::read() {
  if (!file_) return std::nullopt;
  std::array<char, 1024> text;  // of some 20 numbers and a name
  ssize_t size = 0;
  do size = pread(file_.get(), text.data(), text.size(), 0);
  while (size < 0 && errno == EINTR);
  if (size > 0)
    return parse_process_line(std::string_view{text.data(), static_cast<std::size_t>(size)});
  if (size < 0 && errno != ESRCH) throw_os_error("pread", "/proc/PID/stat");
  file_.reset();
  return std::nullopt;
}

}  // namespace multiprocessing::detail
