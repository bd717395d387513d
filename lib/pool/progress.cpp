#include "pool/progress.hpp"

#include <unistd.h>

#include <chrono>
#include <string>

namespace multiprocessing::detail {
namespace {

constexpr std::size_t bar_width = 40;

void draw(const std::string& text) {
  // Standard error may be closed or full; a bar is not worth an error.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

Progress::Progress(bool wanted, std::size_t chunks)
    : drawing_(wanted && isatty(STDERR_FILENO) == 1), chunks_(chunks) {}

Progress::~Progress() {
  if (drawing_) draw("\r\x1b[K");
}

void Progress::show(JobHeader& job, std::uint32_t ended) {
  if (!drawing_) return;
  std::size_t done = ended;
  for (auto chunk = ended; chunk < chunks_; ++chunk)
    done += over(job.word(chunk).load(std::memory_order_relaxed)) ? 1 : 0;
  if (done == drawn_) return;
  drawn_ = done;
  const std::size_t filled = bar_width * done / chunks_;
  draw("\r[" + std::string(filled, '#') + std::string(bar_width - filled, ' ') + "] " +
       std::to_string(100 * done / chunks_) + " %");
}

Timeout Progress::interval() const {
  using namespace std::chrono_literals;
  return drawing_ ? Timeout{100ms} : Timeout::forever;
}

}  // namespace multiprocessing::detail
