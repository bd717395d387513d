#include "base/os_error.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include "base/interruption.hpp"

namespace multiprocessing::detail {

void throw_os_error(std::string_view call, std::string_view thing) {
  throw_os_error(errno, call, thing);
}

void throw_os_error(int error, std::string_view call, std::string_view thing) {
  const std::error_code code{error, std::system_category()};
  std::string text{call};
  if (!thing.empty()) text.append(" ").append(thing);
  if (error == EPIPE || error == ECONNRESET || error == ECONNREFUSED) check_interruption();
  switch (error) {
    case ENOENT:
      throw FileNotFoundError{code, text};
    case EEXIST:
      throw FileExistsError{code, text};
    case EPIPE:
      throw BrokenPipeError{code, text};
    case ECONNABORTED:
      throw ConnectionAbortedError{code, text};
    case ECONNREFUSED:
      throw ConnectionRefusedError{code, text};
    case ECONNRESET:
      throw ConnectionResetError{code, text};
    default:
      throw OSError{code, text};
  }
}

}  // namespace multiprocessing::detail
