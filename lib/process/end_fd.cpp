#include "process/end_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <string>
#include <utility>

#include "base/os_error.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {

constinit EndFd* EndFds::open_ = nullptr;

EndFd::EndFd(UniqueFd fd) : fd_(std::move(fd)), next_(EndFds::open_) {
  if (next_ != nullptr) next_->previous_ = this;
  EndFds::open_ = this;
}

EndFd::~EndFd() { close(); }

void throw_closed() { throw_os_error(EBADF, "handle is closed"); }

int EndFd::Use::get_open() const {
  if (end_ == nullptr) throw_closed();
  return get();
}

bool EndFd::begin_use() noexcept {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  do {
    if (seen == closed_bit) return false;
  } while (!state_.compare_exchange_weak(seen, seen + one_user, std::memory_order_acquire));
  return true;
}

void EndFd::end_use() noexcept {
  if (state_.fetch_sub(one_user, std::memory_order_acq_rel) == (one_user | closed_bit)) give_back();
}

void EndFd::close() noexcept {
  if (state_.fetch_or(closed_bit, std::memory_order_acq_rel) == 0) give_back();
}

void EndFd::give_back() noexcept {
  std::scoped_lock guard{fork_gate()};
  (previous_ != nullptr ? previous_->next_ : EndFds::open_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  fd_.reset();
}

bool EndFds::any() {
  std::scoped_lock guard{fork_gate()};
  return open_ != nullptr;
}

void EndFds::close_but(std::span<const std::shared_ptr<EndFd>> given) {
  for (EndFd* end = open_; end != nullptr;) {
    EndFd* const next = end->next_;
    const bool keep =
        std::ranges::any_of(given, [end](const auto& one) { return one.get() == end; });
    if (!keep) end->close();
    end = next;
  }
}

void EndFds::forget_users() {
  for (EndFd* end = open_; end != nullptr;) {
    EndFd* const next = end->next_;
    // Closed by the parent but for a call that was in it: what is left to do is done here.
    const bool was_closed = end->closed();
    end->state_.store(was_closed ? EndFd::closed_bit : 0);
    if (was_closed) {
      (end->previous_ != nullptr ? end->previous_->next_ : open_) = end->next_;
      if (end->next_ != nullptr) end->next_->previous_ = end->previous_;
      end->fd_.reset();
    }
    end = next;
  }
}

namespace {
const InForkedChild in_forked_child{EndFds::forget_users};
}  // namespace

EndNumbers::EndNumbers(std::span<const std::shared_ptr<EndFd>> ends) {
  for (const auto& end : ends) {
    uses_.push_back(std::make_unique<EndFd::Use>(*end));
    if (uses_.back()->get() < 0) throw_os_error(EBADF, "send", "a connection that is closed");
    numbers_.push_back(uses_.back()->get());
  }
}

ReceivedEnd::~ReceivedEnd() = default;

std::vector<std::shared_ptr<EndFd>> take_into_care(std::vector<UniqueFd> fds) {
  std::vector<std::shared_ptr<EndFd>> ends;
  ends.reserve(fds.size());
  for (UniqueFd& fd : fds) ends.push_back(std::make_shared<EndFd>(std::move(fd)));
  return ends;
}

}  // namespace multiprocessing::detail
