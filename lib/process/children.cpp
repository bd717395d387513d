#include "process/children.hpp"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "base/interruption.hpp"
#include "base/never_destroyed.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"
#include "process/report.hpp"

namespace multiprocessing::detail {
namespace {

// Guarded by the gate.
Children& all() {
  static NeverDestroyed<Children> all;
  return all.get();
}

// The parent's are not its own. An empty list keeps its memory: most forked children have no use
// for the pages that it takes to give that back.
const InForkedChild in_forked_child{[] {
  if (!all().empty()) all() = {};
}};

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

Children copy_of_all() {
  std::scoped_lock guard{fork_gate()};
  return all();
}

}  // namespace

void add_child(std::shared_ptr<Child> child) {
  std::scoped_lock guard{fork_gate()};
  all().push_back(std::move(child));
}

void remove_child(const Child& child) {
  std::shared_ptr<Child> removed;  // destroyed after the gate is let go
  std::scoped_lock guard{fork_gate()};
  auto found = std::ranges::find(all(), &child, &std::shared_ptr<Child>::get);
  if (found == all().end()) return;
  removed = std::move(*found);
  all().erase(found);
}

Children living_children() {
  Children living;
  for (auto& child : copy_of_all())
    if (child->is_alive()) living.push_back(std::move(child));
  return living;
}

std::shared_ptr<Child> child_with(Member member) {
  for (auto& child : copy_of_all())
    if (child->member() == member) return std::move(child);
  return nullptr;
}

void finish_children() {
  const Children children = copy_of_all();
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

}  // namespace multiprocessing::detail
