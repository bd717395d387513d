// The containers that grow: made, used and dropped under their lock; and the map of this module.
//
// Terms of this module:
//   raw      without a lock: RawValue, RawArray
//   cell     one T in the arena, with an eventcount for those that wait for its change
//   cells    many Ts in a row, behind their number
//   carried  of a lock: an object is its own lock (derives from it), or shares a given one
//   stored   how a container of Boost holds a type: text as SharedText, all else as itself
//   changing a note beside a container: its lock's holder may be in the middle of a change
// Next, in include/multiprocessing: detail/shared_cells.hpp, sharedctypes/value.hpp, then
// detail/shared_container.hpp.
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
