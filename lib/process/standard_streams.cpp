#include "process/standard_streams.hpp"

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>
#include <ext/stdio_filebuf.h>
#include <ext/stdio_sync_filebuf.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <typeinfo>

#include "base/unique_fd.hpp"

namespace multiprocessing::detail {
namespace {

// What was written to a closed descriptor is not missed.
int reason() noexcept { return errno == EBADF ? 0 : errno; }

// Mostly there is nothing to write, and to ask that of a stream itself costs parent and child a
// page each, for it is locked.
int flush(std::FILE* stream) noexcept {
  return __fpending(stream) == 0 || std::fflush(stream) == 0 ? 0 : reason();
}

// Whether it hands on to the C stream at once what it is given: so it does unless sync_with_stdio()
// was called.
bool is_synchronised(std::ostream& stream) {
  const std::streambuf* buffer = stream.rdbuf();
  return buffer != nullptr && typeid(*buffer) == typeid(__gnu_cxx::stdio_sync_filebuf<char>);
}

int flush(std::ostream& stream) noexcept {
  if (!stream.good()) return 0;  // its writer could know
  if (is_synchronised(stream)) return 0;
  try {
    return stream.flush().good() ? 0 : reason();
  } catch (...) {  // it has been told to throw
    return reason();
  }
}

// What an unsynchronised std::cin or std::wcin has read ahead of the descriptor. A buffer that the
// program has put there itself is no standard input.
template <class C>
void drop_read_ahead(std::basic_istream<C>& stream) noexcept {
  try {
    auto* buffer = dynamic_cast<__gnu_cxx::stdio_filebuf<C>*>(stream.rdbuf());
    if (buffer == nullptr || buffer->fd() != STDIN_FILENO) return;
    for (auto held = buffer->in_avail(); held > 0; --held) (void)buffer->sbumpc();
  } catch (...) {  // text that does not convert; there is no more to drop
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
  for (std::FILE* stream : {stdout, stderr})
    if (__fpending(stream) != 0) __fpurge(stream);
}

void drop_inherited_input() noexcept {
  __fpurge(stdin);
  drop_read_ahead(std::cin);
  drop_read_ahead(std::wcin);
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
