#include "multiprocessing/arena/allocator.hpp"

#include "arena/heap.hpp"
#include "arena/identity.hpp"
#include "arena/ledger.hpp"
#include "arena/windows.hpp"
#include "base/fail_point.hpp"

namespace multiprocessing::detail {

void* allocate_member(std::uint64_t object, std::size_t bytes) {
  const Member me = self();
  const std::uint64_t block = claim_block(bytes, me);
  // The count comes first: with it the process that frees the object looks for its members.
  header_of(object)->members.fetch_add(1, std::memory_order_relaxed);
  fail_point("arena.member.counted");
  owner_of(block).store(OwnerWord::member_of(object));  // the commit
  fail_point("arena.member.after_commit");
  segment().slots[me.slot].claims.fetch_sub(1, std::memory_order_relaxed);
  return segment().at<void>(block);
}

void free_member(std::uint64_t object, void* memory) noexcept {
  if (memory == nullptr) return;
  try {
    const std::uint64_t block = segment().offset_of(memory);
    if (take_and_free(block, owner_of(block), OwnerWord::member_of(object), self()))
      header_of(object)->members.fetch_sub(1, std::memory_order_relaxed);
  } catch (const std::exception&) {
    // Outside the family the memory is not ours to free; it goes with its object.
  }
}

void reach_members() {
  if (!told_of_windows()) return;
  const Segment& arena = segment();
  map_chunks(arena, arena.borders().low * window_chunks);
}

void free_members(const Handle& object) {
  const Member me = self();
  const std::uint64_t block = object.offset();
  free_members_of(block, me);
  header_of(block)->members.store(0, std::memory_order_relaxed);
}

}  // namespace multiprocessing::detail
