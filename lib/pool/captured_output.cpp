#include "pool/captured_output.hpp"

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "multiprocessing/base/logging.hpp"
#include "pool/output_files.hpp"
#include "pool/task_bytes.hpp"

namespace multiprocessing::detail {
namespace {

/// What the program has buffered goes to where its standard output is now.
void flush_all() {
  std::cout.flush();
  std::clog.flush();
  (void)std::fflush(stdout);
  (void)std::fflush(stderr);
}

UniqueFd copy_of(int fd) { return UniqueFd{fcntl(fd, F_DUPFD_CLOEXEC, 3)}; }

void put_back(const UniqueFd& before, int fd) {
  if (before)
    (void)dup2(before.get(), fd);
  else
    (void)close(fd);
}

}  // namespace

int OutputFile::open(const Board& board, const SeatRecord& seat) {
  if (file_) return file_.get();
  const std::string path =
      "/proc/" + std::to_string(board.maker) + "/fd/" + std::to_string(seat.output.load() - 1);
  file_ = clear_of_stdio(UniqueFd{::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC)});
  if (!file_) throw_os_error("open", path + ", for a task's output");
  return file_.get();
}

CapturedOutput::CapturedOutput(int file, Link& into)
    : file_(file),
      into_(into),
      by_lines_(__flbf(stdout) != 0),
      out_(copy_of(STDOUT_FILENO)),
      err_(copy_of(STDERR_FILENO)) {
  give_back(into_);  // of a worker that died at this task
  flush_all();
  if (dup2(file_, STDOUT_FILENO) < 0 || dup2(file_, STDERR_FILENO) < 0) {
    put_back(out_, STDOUT_FILENO);
    throw_os_error("dup2", "a task's output");
  }
  // By lines, so that those are in the file that a task has written before it is killed. A stream
  // that has been used heeds that only if it is given a buffer.
  static std::array<char, BUFSIZ> buffer;
  if (!by_lines_) (void)std::setvbuf(stdout, buffer.data(), _IOLBF, buffer.size());
  fail_point("pool.output.begun");
}

CapturedOutput::~CapturedOutput() {
  flush_all();
  if (!by_lines_) (void)std::setvbuf(stdout, nullptr, _IOFBF, 0);
  put_back(out_, STDOUT_FILENO);
  put_back(err_, STDERR_FILENO);
  try {
    fail_point("pool.output.before_give");
    give_output(file_, into_);
    fail_point("pool.output.given");
  } catch (const std::exception& error) {
    get_logger().warning(std::string{"the output of a task is lost: "} + error.what());
  }
  [[maybe_unused]] const int emptied = ftruncate(file_, 0);
  fail_point("pool.output.emptied");
}

}  // namespace multiprocessing::detail
