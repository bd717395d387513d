// Where all members of a family find its keeper.
#pragma once

#include <cstddef>

#include "process/keeper.hpp"

namespace multiprocessing::detail {

/// Thrown when the deadline has passed.
struct OutOfTime {};

/// The family's keeper. If it has none that lives, `appoint` finds one, and whoever else wants to
/// know it waits. Throws OutOfTime.
[[nodiscard]] KeeperAddress family_keeper(KeeperAddress (*appoint)(const Deadline&),
                                          const Deadline& deadline);

/// That one does not serve any more, whether or not it lives. Throws OutOfTime.
MULTIPROCESSING_API void dismiss(Member keeper, const Deadline& deadline = Deadline::never());

/// How many tickets this process has, if it is the keeper.
void tell_kept(std::size_t tickets);

}  // namespace multiprocessing::detail
