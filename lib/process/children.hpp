// The children that this process has started and not yet seen end.
#pragma once

#include <memory>
#include <vector>

#include "process/child.hpp"

namespace multiprocessing::detail {

using Children = std::vector<std::shared_ptr<Child>>;

void add_child(std::shared_ptr<Child> child);
void remove_child(const Child& child);

/// Null when it is none of them.
[[nodiscard]] std::shared_ptr<Child> child_with(Member member);

/// Those that live. Reaps the others.
[[nodiscard]] Children living_children();

/// Ends daemons, waits for the others; what a process does before it ends.
void finish_children();

}  // namespace multiprocessing::detail
