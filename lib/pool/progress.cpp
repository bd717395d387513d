#include "pool/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

namespace multiprocessing::detail {
namespace {

constexpr std::size_t widest_bar = 40;

void show(const std::string& text) {
  // Standard error may be closed or full; a bar is not worth an error.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

std::size_t columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : 80;
}

/// As on a clock: 03:20, 1:02:03.
std::string clock_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::min(seconds, 1e9));
  char text[40];
  if (whole < 3600)
    std::snprintf(text, sizeof text, "%02u:%02u", unsigned(whole / 60), unsigned(whole % 60));
  else
    std::snprintf(text, sizeof text, "%u:%02u:%02u", unsigned(whole / 3600),
                  unsigned(whole / 60 % 60), unsigned(whole % 60));
  return text;
}

/// "12/40 3.1/s 00:09 left"
std::string figures(std::size_t done, std::size_t all, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  char rate_text[40];
  std::snprintf(rate_text, sizeof rate_text, rate < 100 ? " %.1f/s " : " %.0f/s ", rate);
  std::string text = std::to_string(done);
  if (all == 0) return text + " done" + rate_text + clock_text(seconds);
  text += '/' + std::to_string(all) + rate_text;
  if (done == 0) return text;
  const double left = std::max(0.0, static_cast<double>(all) - static_cast<double>(done));
  return text + clock_text(left / std::max(rate, 1e-9)) + " left";
}

}  // namespace

ProgressReport::ProgressReport(const Progress& wanted, std::size_t all)
    : bar_(wanted.bar() && isatty(STDERR_FILENO) == 1),
      call_(wanted.call()),
      all_(all),
      wanted_(bar_ || call_ != nullptr),
      begun_(wanted_ ? Clock::now() : Clock::time_point{}) {}

ProgressReport::~ProgressReport() { clear(); }

void ProgressReport::tell(std::size_t done) {
  if (!wanted() || telling_.exchange(true)) return;
  struct Told {
    ~Told() { telling = false; }
    std::atomic<bool>& telling;
  } const at_the_end{telling_};
  if (told_ == done) return;
  const Clock::time_point now = Clock::now();
  if (call_ != nullptr) {
    wanted_ = false;  // for good, if it throws
    call_(done, all_);
    wanted_ = true;
  } else if (!drawn_ || done == all_ || now - *told_at_ >= pause) {
    draw(done, now);
  } else {
    return;
  }
  told_ = done;
  told_at_ = now;
}

void ProgressReport::tell_when_due(const std::function<std::size_t()>& done) {
  if (!wanted() || telling_.exchange(true)) return;
  const bool due = !told_at_ || Clock::now() - *told_at_ >= pause;
  telling_ = false;
  if (due) tell(done());
}

/// The bar takes what the figures leave of the line: a longer one would go on in the next.
void ProgressReport::draw(std::size_t done, Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - begun_).count();
  std::string text = figures(done, all_, seconds);
  const std::size_t width = columns();
  if (all_ != 0) {
    const std::size_t part = std::min(done, all_);
    text = std::to_string(100.0 * static_cast<double>(part) / static_cast<double>(all_));
    text = text.substr(0, text.find('.')) + " % " + figures(done, all_, seconds);
    if (const std::size_t taken = text.size() + 4; taken < width) {
      const std::size_t bar = std::min(widest_bar, width - taken);
      const std::size_t filled = static_cast<std::size_t>(
          static_cast<double>(bar) * static_cast<double>(part) / static_cast<double>(all_));
      text = '[' + std::string(filled, '#') + std::string(bar - filled, ' ') + "] " + text;
    }
  }
  show('\r' + text.substr(0, width - 1) + "\x1b[K");
  drawn_ = true;
  if (done == all_) clear();
}

void ProgressReport::clear() {
  if (std::exchange(drawn_, false)) show("\r\x1b[K");
}

}  // namespace multiprocessing::detail
