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
namespace {

thread_local OutgoingFds* outgoing = nullptr;
thread_local IncomingFds* incoming = nullptr;

}  // namespace

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

void EndFds::close_but(const OutgoingFds& given) {
  for (EndFd* end = open_; end != nullptr;) {
    EndFd* const next = end->next_;
    const bool keep =
        std::ranges::any_of(given.ends_, [end](const auto& one) { return one.get() == end; });
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

std::uint32_t OutgoingFds::collect(const std::shared_ptr<EndFd>& end) {
  if (outgoing == nullptr)
    throw SerializationError(
        "the end of a pipe or socket can be sent as an argument of a Process or of a pool's "
        "initializer, by a Connection over a Pipe or AF_UNIX, by a queue, and in an element or "
        "result of a pool; not in a file");
  auto& ends = outgoing->ends_;
  auto found = std::ranges::find(ends, end);
  if (found == ends.end()) found = ends.insert(found, end);
  return static_cast<std::uint32_t>(found - ends.begin());
}

OutgoingFds::Scope::Scope(OutgoingFds& into) : previous_(outgoing) { outgoing = &into; }
OutgoingFds::Scope::~Scope() { outgoing = previous_; }

EndNumbers::EndNumbers(std::span<const std::shared_ptr<EndFd>> ends) {
  for (const auto& end : ends) {
    uses_.push_back(std::make_unique<EndFd::Use>(*end));
    if (uses_.back()->get() < 0) throw_os_error(EBADF, "send", "a connection that is closed");
    numbers_.push_back(uses_.back()->get());
  }
}

ReceivedEnd::~ReceivedEnd() = default;

IncomingFds::IncomingFds(std::vector<std::shared_ptr<EndFd>> ends) : previous_(incoming) {
  for (auto& end : ends) arrived_.push_back({std::move(end), nullptr});
  incoming = this;
}

IncomingFds::IncomingFds(std::span<const Link> links, Take take, const Deadline& deadline)
    : links_(links), take_(take), deadline_(deadline), previous_(incoming) {
  incoming = this;
}

IncomingFds::~IncomingFds() { incoming = previous_; }

void IncomingFds::take_them() {
  if (links_.empty()) return;
  const Handle ticket = handle_from(std::exchange(links_, {}).back());
  for (auto& end : take_(ticket, deadline_)) arrived_.push_back({std::move(end), nullptr});
}

IncomingFds::Arrived& IncomingFds::at(std::uint32_t place) {
  if (incoming != nullptr) incoming->take_them();
  if (incoming == nullptr || place >= incoming->arrived_.size())
    throw SerializationError("the end of a pipe or socket did not come along with its message");
  return incoming->arrived_[place];
}

std::vector<std::shared_ptr<EndFd>> take_into_care(std::vector<UniqueFd> fds) {
  std::vector<std::shared_ptr<EndFd>> ends;
  ends.reserve(fds.size());
  for (UniqueFd& fd : fds) ends.push_back(std::make_shared<EndFd>(std::move(fd)));
  return ends;
}

}  // namespace multiprocessing::detail
