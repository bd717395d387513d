#include "monitor/follower.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <utility>

#include "base/all_signals_blocked.hpp"
#include "base/os_error.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

Moment now() { return std::chrono::steady_clock::now(); }

/// Another descriptor of the process's end; none when it has ended and been reaped.
UniqueFd end_of(const ProcessHandle& process) {
  try {
    const int copy = fcntl(process.sentinel(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw_os_error("fcntl", process.name());
    return UniqueFd{copy};
  } catch (const OSError&) {
    if (process.is_alive()) throw;
    return {};
  }
}

}  // namespace

Follower::Follower(std::chrono::nanoseconds interval, std::vector<std::string> disks)
    : interval_(interval),
      disks_(std::move(disks)),
      bell_(clear_of_stdio(UniqueFd{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)})) {
  if (!bell_) throw_os_error("eventfd", "a monitor's thread");
}

void Follower::start() {
  if (thread_ != nullptr) return;
  stopping_ = false;
  anew_ = true;
  const AllSignalsBlocked blocked;  // the program's signals are for its own threads
  counted_.emplace();
  try {
    thread_ = std::make_unique<std::thread>([this] { run(); });
  } catch (const std::system_error& error) {
    counted_.reset();
    throw_os_error(error.code().value(), "pthread_create", "the thread of a monitor's alerts");
  }
}

void Follower::stop() {
  if (thread_ == nullptr) return;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  stir();
  thread_->join();
  thread_.reset();
  id_ = std::thread::id{};
  counted_.reset();
}

void Follower::forget() { (void)thread_.release(); }

bool Follower::is_this_thread() const { return id_.load() == std::this_thread::get_id(); }

void Follower::stir() const {
  const std::uint64_t one = 1;
  // Full means that it has been rung already.
  [[maybe_unused]] const ssize_t written = write(bell_.get(), &one, sizeof one);
}

void Follower::watch(const ProcessHandle& process, std::function<void(ProcessState)> on_change) {
  auto entry = std::make_shared<Watched>(Watched{process, std::move(on_change), end_of(process)});
  if (entry->end) entry->file.emplace(process);
  {
    const std::lock_guard lock{mutex_};
    watched_.push_back(std::move(entry));
    anew_ = true;
  }
  stir();
}

void Follower::add(std::shared_ptr<AlertBody> alert) {
  {
    const std::lock_guard lock{mutex_};
    alerts_.push_back(std::move(alert));
    anew_ = true;
  }
  stir();
}

bool Follower::wait_for_all(const Deadline& deadline) const {
  for (const auto& one : watched()) {
    if (deadline.is_never())
      one->process.join();
    else if (!one->process.join(deadline.left()))
      return false;
  }
  return true;
}

std::vector<std::shared_ptr<Follower::Watched>> Follower::watched() const {
  const std::lock_guard lock{mutex_};
  return watched_;
}

void Follower::Watched::become(ProcessState now) {
  if (state == now) return;
  state = now;
  if (!on_change) return;
  try {
    on_change(now);
  } catch (...) {
    log_exception("the callback of a process that is watched");
  }
}

void Follower::run() {
  id_ = std::this_thread::get_id();
  Moment due = now();
  for (bool first = true;; first = false) {
    const bool idle = watched().empty() && alerts().empty();
    const std::chrono::nanoseconds left = due - now();
    if (!first && !sleep(idle ? Deadline::never() : Deadline{left})) return;
    look_at_ends();
    {
      const std::lock_guard lock{mutex_};
      if (std::exchange(anew_, false)) due = now();
    }
    if (now() < due) continue;
    look_at_states();
    if (look_at_alerts())
      due = now() + shortest_span;
    else
      due = due + interval_ > now() ? due + interval_ : now() + interval_;
  }
}

/// Until then, or until something has ended or was added; false when the thread is to end.
bool Follower::sleep(const Deadline& until) {
  std::vector<pollfd> entries{{bell_.get(), POLLIN, 0}};
  for (const auto& one : watched())
    if (one->end) entries.push_back({one->end.get(), POLLIN, 0});
  const auto left = until.left_as_timespec();
  // Whatever it says, all is looked at.
  (void)ppoll(entries.data(), entries.size(), left ? &*left : nullptr, nullptr);
  std::uint64_t rung = 0;
  [[maybe_unused]] const ssize_t count = read(bell_.get(), &rung, sizeof rung);
  const std::lock_guard lock{mutex_};
  return !stopping_;
}

void Follower::look_at_ends() {
  for (const auto& one : watched()) {
    const bool lives = one->end && !wait_readable(one->end.get(), Deadline{interval_ * 0});
    if (lives && !one->state) one->become(ProcessState::started);
    if (lives) continue;
    one->become(ProcessState::ended);
    const std::lock_guard lock{mutex_};
    std::erase(watched_, one);
  }
}

void Follower::look_at_states() {
  for (const auto& one : watched()) {
    if (!one->file) continue;  // it had ended when it was added
    const auto line = one->file->read();
    // The ends of processes come by their descriptors.
    if (!line) continue;
    const ProcessState state = state_of(line->state);
    if (state != ProcessState::zombie && state != ProcessState::ended) one->become(state);
  }
}

std::vector<std::shared_ptr<AlertBody>> Follower::alerts() {
  const std::lock_guard lock{mutex_};
  std::erase_if(alerts_, [](const auto& alert) { return alert->cancelled(); });
  return alerts_;
}

}  // namespace multiprocessing::detail
