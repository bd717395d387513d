#include "process/standard_streams.hpp"

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>

#include "base/unique_fd.hpp"

namespace multiprocessing::detail {
namespace {

// What was written to a closed descriptor is not missed.
int reason() noexcept { return errno == EBADF ? 0 : errno; }

int flush(std::FILE* stream) noexcept { return std::fflush(stream) == 0 ? 0 : reason(); }

int flush(std::ostream& stream) noexcept {
  if (!stream.good()) return 0;  // whoever wrote to it could know
  try {
    return stream.flush().good() ? 0 : reason();
  } catch (...) {  // it has been told to throw
    return reason();
  }
}

}  // namespace

int flush_standard_streams() noexcept {
  int lost = 0;
  for (std::ostream* stream : {&std::cout, &std::cerr, &std::clog})
    if (const int error = flush(*stream)) lost = error;
  for (std::FILE* stream : {stdout, stderr})
    if (const int error = flush(stream)) lost = error;
  return lost;
}

void drop_inherited_output() noexcept {
  __fpurge(stdout);
  __fpurge(stderr);
}

void flush_all_streams() noexcept {
  (void)flush_standard_streams();
  (void)std::fflush(nullptr);
}

void close_standard_input() noexcept {
  const UniqueFd nothing{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (nothing && nothing.get() != STDIN_FILENO) (void)dup2(nothing.get(), STDIN_FILENO);
}

}  // namespace multiprocessing::detail
