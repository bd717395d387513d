// Who this process is in the family, on a page that the kernel wipes in any forked child: one that
// skipped our fork handlers (_Fork, raw clone) finds nobody there instead of its parent.
#pragma once

#include "arena/layout.hpp"
#include "arena/segment.hpp"

namespace multiprocessing::detail {

/// Written when the process joins the family; read by every operation.
struct Identity {
  Member member;
  std::uint32_t lock_name;
};

/// Never null once there is a segment.
[[nodiscard]] const Identity* identity();

/// The slot that `self()` names, checked: throws ProcessError outside the family, also when the
/// others took this process for dead because its descriptors were closed.
[[nodiscard]] Member checked_self();

/// Makes this process the member: takes the record lock, then turns the slot's state to live. False
/// when somebody else decided meanwhile that this child is not to be.
[[nodiscard]] bool join_family(const Segment& segment, Member member);

/// Gives out a slot, unborn and prepared by `parent` (0: it prepares itself); none when all are
/// taken even after settling the dead.
[[nodiscard]] Member reserve_slot(const Segment& segment, std::uint32_t parent);

}  // namespace multiprocessing::detail
