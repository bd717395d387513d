#include "multiprocessing/detail/shared_container.hpp"

#include "base/fail_point.hpp"

namespace multiprocessing::detail {

void begin_use(ContainerState& state, const Handle& object, void* memory, MakeContainer make,
               bool changes) {
  const bool makes = state.made.load() == 0;
  if (changes || makes) state.changing.fetch_add(1);
  fail_point("sharedctypes.container.changing");
  if (!makes) return;
  make(memory, object);
  fail_point("sharedctypes.container.constructed");
  state.made.store(1);
  if (!changes) state.changing.fetch_sub(1);
}

void end_use(ContainerState& state, bool changes) noexcept {
  fail_point("sharedctypes.container.changed");
  if (changes) state.changing.fetch_sub(1);
  fail_point("sharedctypes.container.settled");
}

void drop_container(ContainerState& state, const Handle& object) {
  state.changing.store(1);
  fail_point("sharedctypes.container.dropping");
  // In this order: a container that is not made is never looked at, whatever memory it had.
  state.made.store(0);
  fail_point("sharedctypes.container.unmade");
  free_members(object);
  state.changing.store(0);
}

}  // namespace multiprocessing::detail
