#include "process/program_end.hpp"

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <string>

#include "base/interruption.hpp"
#include "base/never_destroyed.hpp"
#include "multiprocessing/base/signals.hpp"
#include "process/child.hpp"
#include "process/fork_gate.hpp"
#include "process/fork_server_client.hpp"
#include "process/report.hpp"

namespace multiprocessing::detail {

namespace {

using Waiting = std::map<std::pair<int, std::uint64_t>, std::function<void()>, std::greater<>>;

// Guarded by the gate.
Waiting& waiting() {
  static NeverDestroyed<Waiting> waiting;
  return waiting.get();
}
constinit std::uint64_t made = 0;

// The parent's are left as they are: to destroy them would be work too.
const InForkedChild in_forked_child{[] {
  if (!waiting().empty()) new (&waiting()) Waiting;
}};

std::function<void()> take_next(int least_priority) {
  std::scoped_lock guard{fork_gate()};
  if (waiting().empty() || waiting().begin()->first.first < least_priority) return {};
  return std::move(waiting().extract(waiting().begin()).mapped());
}

// What a daemon that was told to end has left, before it is killed: one that ignores the signal, or
// stands still, is not to keep its creator from ending. After that it has as long again to be gone.
constexpr std::chrono::seconds time_for_daemons{1};

// A wait that fails by itself, for want of memory say, is tried again so often.
constexpr int tries_to_wait = 3;

void tell(Child& child, int signal) {
  try {
    child.send_signal(signal);
  } catch (const std::exception&) {
    return;  // it may not be signalled; see end_daemon()
  }
}

// Without asking the system, which may be what fails.
std::string described(const Child& child) {
  return child.name() + " (pid " + std::to_string(child.pid()) + ")";
}

bool join_if_possible(Child& child, const Deadline& deadline) {
  for (int left = tries_to_wait;; --left) {
    try {
      return child.join(deadline);
    } catch (const std::exception& error) {
      if (left > 1) continue;
      warn_at_the_end("cannot wait for " + described(child) + ": " + error.what());
      return false;
    }
  }
}

void end_daemon(Child& daemon, const Deadline& patience) {
  if (join_if_possible(daemon, patience)) return;
  tell(daemon, SIGKILL);
  if (join_if_possible(daemon, Deadline{time_for_daemons})) return;
  warn_at_the_end(described(daemon) + " cannot be ended, and the program ends without it");
}

// What a child is told before it is waited for, or 0. A process that dies of a signal takes its
// children along, and those that can hear it have time to end in order.
int last_word(Child& child) {
  if (child.daemon()) return SIGTERM;
  return child.outlives_parent() ? 0 : ending_signal();
}

void finish_children() {
  const Children children = all_children();
  if (children.empty()) return;
  Children told;
  for (const auto& child : children)
    if (const int signal = last_word(*child)) tell(*child, signal), told.push_back(child);
  const Deadline patience{time_for_daemons};
  for (const auto& child : told) end_daemon(*child, patience);
  if (ending_signal() != 0) return;
  for (const auto& child : children)
    if (!child->daemon()) (void)join_if_possible(*child, Deadline::never());
}

// The program has done its work: what goes wrong here is told, the rest is still done, and the exit
// code stays.
template <class Step>
void take_step(Step step) noexcept {
  try {
    try {
      step();
    } catch (...) {
      warn_at_the_end(describe_current_exception());
    }
  } catch (const std::exception&) {
    print_error("at the end of the process: no memory is left to tell what failed\n");
  }
}

}  // namespace

Finalizer::Finalizer(int priority, std::function<void()> work) {
  finish_at_exit();
  std::scoped_lock guard{fork_gate()};
  place_ = {priority, ++made};
  waiting().emplace(place_, std::move(work));
}

void Finalizer::operator()() {
  if (const auto work = take()) work();
}

bool Finalizer::still_active() const {
  std::scoped_lock guard{fork_gate()};
  return waiting().contains(place_);
}

// In a forked child there is nothing of that number: it goes on counting.
std::function<void()> Finalizer::take() {
  std::scoped_lock guard{fork_gate()};
  auto taken = waiting().extract(place_);
  return taken ? std::move(taken.mapped()) : std::function<void()>{};
}

void finalize(int least_priority) {
  while (const auto work = take_next(least_priority)) {
    try {
      work();
    } catch (...) {
      warn_at_the_end(describe_current_exception());
    }
  }
}

void finish_process() noexcept {
  const Uninterrupted shield;
  take_step([] { finalize(0); });
  take_step([] { finish_children(); });
  take_step([] { finalize(std::numeric_limits<int>::min()); });
  take_step([] { stop_fork_server(); });
}

void finish_at_exit() {
  static std::atomic<bool> registered = false;
  static const Creator owner;
  // A forked child inherits handler and flag. A Process has an end of its own; a raw fork leaves
  // what it starts to its life pipes.
  if (registered.exchange(true)) return;
  (void)std::atexit([] {
    if (owner.is_this_process()) finish_process();
  });
}

}  // namespace multiprocessing::detail
