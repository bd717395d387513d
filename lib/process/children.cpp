#include "process/children.hpp"

#include <signal.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

// Guarded by the gate; never destroyed, because exit handlers still ask.
Children& all() {
  static Children& all = *new Children;
  return all;
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
  Children children = copy_of_all();
  for (auto& child : children)
    if (child->daemon()) child->send_signal(SIGTERM);
  for (auto& child : children) (void)child->join(Deadline::never());
}

Children take_all_children() { return std::exchange(all(), {}); }

}  // namespace multiprocessing::detail
