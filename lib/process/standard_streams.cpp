#include "process/standard_streams.hpp"

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/unique_fd.hpp"

namespace multiprocessing::detail {
namespace {

// A stream may have been told to throw.
void flush(std::ostream& stream) noexcept {
  try {
    stream.flush();
  } catch (...) {  // the text is lost, the process goes on
    return;
  }
}

}  // namespace

void flush_standard_streams() noexcept {
  for (std::ostream* stream : {&std::cout, &std::cerr, &std::clog}) flush(*stream);
  (void)std::fflush(stdout);
  (void)std::fflush(stderr);
}

void drop_inherited_output() noexcept {
  __fpurge(stdout);
  __fpurge(stderr);
}

void flush_all_streams() noexcept {
  flush_standard_streams();
  (void)std::fflush(nullptr);
}

void close_standard_input() noexcept {
  const UniqueFd nothing{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (nothing && nothing.get() != STDIN_FILENO) (void)dup2(nothing.get(), STDIN_FILENO);
}

}  // namespace multiprocessing::detail
