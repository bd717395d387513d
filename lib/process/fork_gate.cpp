#include "process/fork_gate.hpp"

#include <pthread.h>
#include <unistd.h>

#include <utility>

namespace multiprocessing::detail {
namespace {

constinit std::mutex gate;
constinit unsigned forks = 0;
constinit OwnFd* open_fds = nullptr;
constinit const InForkedChild* first_in_child = nullptr;

void before_fork() { gate.lock(); }
void in_parent() { gate.unlock(); }
void in_child() {
  ++forks;
  close_own_fds();
  for (const auto* each = first_in_child; each != nullptr; each = each->next) each->work();
  gate.unlock();
}

// Registered when the library is loaded: before there are threads, and so before anything to guard.
[[maybe_unused]] const int registered = pthread_atfork(before_fork, in_parent, in_child);

}  // namespace

std::mutex& fork_gate() { return gate; }

InForkedChild::InForkedChild(void (*todo)()) noexcept
    : work(todo), next(std::exchange(first_in_child, this)) {}

Creator::Creator() : pid_(getpid()), forks_(forks) {}
bool Creator::is_this_process() const { return forks_ == forks && pid_ == getpid(); }

OwnFd::~OwnFd() { close(); }

void OwnFd::keep(UniqueFd fd) {
  fd_ = std::move(fd);
  next_ = open_fds;
  if (next_ != nullptr) next_->previous_ = this;
  open_fds = this;
}

void OwnFd::close() {
  // Without a descriptor it is not in the list. A forked child has emptied the list.
  if (!fd_) return;
  std::scoped_lock guard{gate};
  if (!fd_) return;  // closed by another thread meanwhile: one that kills, and one that joins
  unlink();
  fd_.reset();
}

void OwnFd::unlink() {
  (previous_ != nullptr ? previous_->next_ : open_fds) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  previous_ = next_ = nullptr;
}

void close_own_fds() {
  while (open_fds != nullptr) {
    open_fds->fd_.reset();
    open_fds->unlink();
  }
}

}  // namespace multiprocessing::detail
