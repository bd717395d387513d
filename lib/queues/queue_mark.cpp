#include "multiprocessing/detail/queue_mark.hpp"

#include <exception>

#include "queues/local.hpp"
#include "queues/views.hpp"

namespace multiprocessing::detail {
namespace {

std::uint64_t this_process() { return self_if_any().packed(); }

}  // namespace

void QueueMark::count(int by) const {
  if (!token_ || maker_ != this_process()) return;
  make_local(queue_).views[static_cast<int>(end_)].fetch_add(by);
  if (by > 0 && end_ == QueueEnd::reader) enrol_reader(queue_, token_);
}

QueueMark::QueueMark(const QueueCore& queue, QueueEnd end, Handle token)
    : queue_(queue.handle()), token_(std::move(token)), end_(end), maker_(this_process()) {
  count(1);
}

QueueMark::QueueMark(const QueueMark& other)
    : queue_(other.queue_), token_(other.token_), end_(other.end_), maker_(this_process()) {
  count(1);
}

// Moved within a forked child it becomes the child's: an argument on its way to the target.
QueueMark::QueueMark(QueueMark&& other) noexcept : QueueMark() {
  std::swap(queue_, other.queue_);
  std::swap(token_, other.token_);
  end_ = other.end_;
  maker_ = this_process();
  if (other.maker_ != maker_) count(1);
}

QueueMark& QueueMark::operator=(QueueMark other) noexcept {
  std::swap(queue_, other.queue_);
  std::swap(token_, other.token_);
  std::swap(end_, other.end_);
  std::swap(maker_, other.maker_);
  return *this;
}

QueueMark::~QueueMark() {
  try {
    count(-1);
  } catch (const std::exception&) {
    // The others took this process for dead: its views do not count.
  }
}

}  // namespace multiprocessing::detail
