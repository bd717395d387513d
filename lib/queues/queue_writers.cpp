#include "multiprocessing/detail/queue_writers.hpp"

#include "queues/local.hpp"

namespace multiprocessing::detail {
namespace {

std::uint64_t this_process() {
  const Member me = self_if_any();
  return std::uint64_t{me.generation} << 32 | me.slot;
}

}  // namespace

void WriterMark::count(int by) const {
  if (token_ && maker_ == this_process()) make_local(queue_).views.fetch_add(by);
}

WriterMark::WriterMark(const QueueCore& queue, Handle token)
    : queue_(queue.handle()), token_(std::move(token)), maker_(this_process()) {
  count(1);
}

WriterMark::WriterMark(const WriterMark& other)
    : queue_(other.queue_), token_(other.token_), maker_(this_process()) {
  count(1);
}

// Moved within a forked child it becomes the child's: an argument on its way to the target.
WriterMark::WriterMark(WriterMark&& other) noexcept : WriterMark() {
  std::swap(queue_, other.queue_);
  std::swap(token_, other.token_);
  maker_ = this_process();
  if (other.maker_ != maker_) count(1);
}

WriterMark& WriterMark::operator=(WriterMark other) noexcept {
  std::swap(queue_, other.queue_);
  std::swap(token_, other.token_);
  std::swap(maker_, other.maker_);
  return *this;
}

WriterMark::~WriterMark() { count(-1); }

}  // namespace multiprocessing::detail
