#include "process/children.hpp"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "base/never_destroyed.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

// Guarded by the gate.
Children& all() {
  static NeverDestroyed<Children> all;
  return all.get();
}

// What a daemon that was told to end has left, before it is killed: one that ignores the signal, or
// stands still, is not to keep its creator from ending.
constexpr std::chrono::seconds time_for_daemons{1};

void tell(Child& child, int signal) {
  try {
    child.send_signal(signal);
  } catch (const OSError&) {
    return;  // it has taken on another user's id, say; it dies with this process all the same
  }
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

void finish_children() {
  const Children children = copy_of_all();
  if (children.empty()) return;
  Children daemons;
  for (const auto& child : children)
    if (child->daemon()) daemons.push_back(child);
  for (const auto& daemon : daemons) tell(*daemon, SIGTERM);
  const Deadline patience{time_for_daemons};
  for (const auto& daemon : daemons)
    if (!daemon->join(patience)) tell(*daemon, SIGKILL);
  for (const auto& child : children) (void)child->join(Deadline::never());
}

// An empty list keeps its memory: most forked children have no use for the pages that it takes to
// give that back.
Children take_all_children() { return all().empty() ? Children{} : std::exchange(all(), {}); }

}  // namespace multiprocessing::detail
