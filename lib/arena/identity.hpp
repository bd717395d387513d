// The member that this process is, on a page that the kernel wipes in any forked child: a child
// that skipped our fork handlers (_Fork, raw clone) finds no member there instead of its parent.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "arena/layout.hpp"
#include "arena/segment.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Written when the process joins the family; read by every operation.
struct OwnName {
  Member member;
  std::uint32_t lock_name;
};

MULTIPROCESSING_API extern OwnName* own_identity;

/// Never null once there is a segment.
[[nodiscard]] inline const OwnName* identity() { return own_identity; }

/// Why this process is not the member that it may have been.
[[noreturn]] void throw_not_a_member();

/// The slot that `self()` names, checked: throws ProcessError outside the family, also when the
/// others took this process for dead because its descriptors were closed.
[[nodiscard]] inline Member checked_self() {
  const Segment& arena = segment();
  const Member member = own_identity->member;
  const auto word = StateWord::from(arena.states[member.slot].load(std::memory_order_relaxed));
  if (!member || word.state != SlotState::live || word.generation != member.generation) [[unlikely]]
    throw_not_a_member();
  return member;
}

[[nodiscard]] constexpr std::uint64_t pid_word(Member member, pid_t pid) {
  return std::uint64_t{member.generation} << 32 | static_cast<std::uint32_t>(pid);
}

/// Makes this process the member: takes the record lock, then turns the slot's state to live. False
/// when another process decided meanwhile that this child is not to be.
[[nodiscard]] bool join_family(const Segment& segment, Member member);
/// The error of fcntl(2) for which this process could not join; 0 if it was not that.
[[nodiscard]] int join_error();

/// Gives out a slot, unborn and prepared by `parent` (0: it prepares itself); none when all are
/// taken.
[[nodiscard]] Member reserve_slot(const Segment& segment, std::uint32_t parent);

}  // namespace multiprocessing::detail
