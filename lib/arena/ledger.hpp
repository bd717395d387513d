// The ledger: the reference table of each process, exact at every instruction.
//
// Each process writes its intent, a redo record, before it changes a count. Whether a dead
// process's change took place cannot be told from the intent alone. So a count's word also names
// its last writer and the number of that writer's operation; and before another process overwrites
// the word, it notes in that writer's slot that this number is done. `finish_intent` then completes
// or forgets.
//
// So a link that a dead process was changing may change once more when its death is settled. A
// process that takes over what the dead one worked on settles it first; OwnerLock does so.
#pragma once

#include <mutex>

#include "arena/heap.hpp"
#include "arena/layout.hpp"
#include "arena/windows.hpp"

namespace multiprocessing::detail {

/// Guards this process's intent, its ledger and its table of handles; held across fork.
[[nodiscard]] std::mutex& ledger_mutex();

/// The link of an object's body or of a part by index.
[[nodiscard]] BlockHeader* header_of(std::uint64_t block);
[[nodiscard]] Link* links_in(std::uint64_t block);
[[nodiscard]] std::size_t body_offset(std::size_t links);

// All of these need the ledger mutex.

/// `link`, empty, holds `object` once more. The object must be held meanwhile, by any process.
void ledger_add(Link& link, std::uint64_t object);

/// Turns the claimed block into an object held by `link` alone, or a part owned by it.
void ledger_create(Link& link, std::uint64_t block);
void ledger_give(Link& link, std::uint64_t block);

/// Empties `link`: drops what it holds or frees what it owns, with all that this held in turn. Goes
/// as deep on the stack as objects are nested, up to 160 bytes each.
void ledger_release(Link& link);

/// An unused link in the ledger of `owner`: this process, or a child that it prepares.
[[nodiscard]] Link& new_ledger_link(Member owner);

[[nodiscard]] inline LedgerPage* ledger_page(const Segment& arena, std::uint64_t page) {
  reach_block(arena, page);
  return arena.at<LedgerPage>(page);
}

/// Calls `visit(link)` for each link that was ever used in the ledger of the slot.
template <class Visit>
void for_each_ledger_link(const Segment& arena, std::uint32_t slot, Visit visit) {
  Slot& of = arena.slots[slot];
  for (Link& link : of.links) visit(link);
  for (std::uint64_t page = of.ledger_pages.load(); page != 0;) {
    LedgerPage* at = ledger_page(arena, page);
    for (Link& link : at->links) visit(link);
    page = at->next.load();
  }
}

/// Releases what the links of a claimed block hold, before it is freed.
void release_links(std::uint64_t block);

/// Completes or forgets the intent of the dead process in `slot`.
void finish_intent(std::uint32_t slot);

}  // namespace multiprocessing::detail
