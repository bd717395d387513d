// The file that the arena is, made anew or found by a child of its maker.
#pragma once

#include "arena/member.hpp"
#include "arena/segment.hpp"

namespace multiprocessing::detail {

[[nodiscard]] Segment make_segment();
[[nodiscard]] Segment map_segment(const ArenaAddress& address);

}  // namespace multiprocessing::detail
