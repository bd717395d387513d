// Giving back what the dead held. Each step can be repeated by another when its doer dies.
#include <mutex>

#include "arena/family.hpp"
#include "arena/fork.hpp"
#include "arena/identity.hpp"
#include "arena/ledger.hpp"
#include "base/fail_point.hpp"

namespace multiprocessing::detail {
namespace {

/// What the dead one was preparing or settling itself is anybody's now.
void pass_on_duties(const Segment& arena, std::uint32_t slot) {
  for (std::uint32_t other = 1; other < slot_count; ++other) {
    std::uint64_t seen = arena.states[other].load();
    StateWord word = StateWord::from(seen);
    const bool unfinished = word.state == SlotState::settling || word.state == SlotState::unborn;
    if (!unfinished || word.by != slot) continue;
    word.state = SlotState::dead;
    arena.states[other].compare_exchange_strong(seen, word.packed());
  }
}

void free_ledger_pages(const Segment& arena, std::uint32_t slot, Member dead) {
  const Member self = checked_self();
  for (std::uint64_t page = arena.slots[slot].ledger_pages.load(); page != 0;) {
    const std::uint64_t next = arena.at<LedgerPage>(page)->next.load();
    arena.slots[slot].ledger_pages.store(next);
    fail_point("arena.settle.before_page");
    std::uint64_t name = OwnerWord::claimed_by(dead);
    if (owner_of(page).compare_exchange_strong(name, OwnerWord::claimed_by(self))) {
      arena.slots[self.slot].claims.fetch_add(1);
      arena.slots[slot].claims.fetch_sub(1);
      free_claimed(page, self);
    }
    page = next;
  }
}

/// With the ledger mutex held and the slot in state settling by us.
void give_back(const Segment& arena, std::uint32_t slot, Member dead) {
  fail_point("arena.settle.after_mark");
  finish_intent(slot);
  pass_on_duties(arena, slot);
  for_each_ledger_link(arena, slot, [](Link& link) {
    if (link.load(std::memory_order_relaxed) != 0) ledger_release(link);
  });
  fail_point("arena.settle.after_links");
  free_ledger_pages(arena, slot, dead);
  arena.slots[slot].links_used.store(0);
  if (arena.slots[slot].claims.load() != 0) {
    free_claims_of(dead, checked_self());
    arena.slots[slot].claims.store(0);
    trim();
  }
}

/// Settles the slot if it is in `state`; false when somebody else does, or it is not.
bool settle_if(const Segment& arena, std::uint32_t slot, std::uint64_t seen) {
  StateWord word = StateWord::from(seen);
  const Member dead{slot, word.generation};
  word.state = SlotState::settling;
  word.by = checked_self().slot;
  if (!arena.states[slot].compare_exchange_strong(seen, word.packed())) return false;
  give_back(arena, slot, dead);
  arena.states[slot].store(StateWord{SlotState::vacant, 0, word.generation}.packed());
  return true;
}

}  // namespace

bool settle_locked(Member member) {
  const Segment& arena = segment();
  const std::uint64_t seen = arena.states[member.slot].load();
  const StateWord word = StateWord::from(seen);
  if (word.generation != member.generation || member == checked_self()) return false;
  const bool over = word.state == SlotState::dead || word.state == SlotState::live ||
                    word.state == SlotState::unborn;
  return over && settle_if(arena, member.slot, seen);
}

int sweep_locked() {
  const Segment& arena = segment();
  int settled = 0;
  // A settled process may leave duties, so go round until nothing turns up.
  for (bool found = true; found;) {
    found = false;
    for (std::uint32_t slot = 1; slot < slot_count; ++slot) {
      const StateWord word = StateWord::from(arena.states[slot].load());
      const Member member{slot, word.generation};
      if (word.state == SlotState::live) static_cast<void>(alive(member));
      const std::uint64_t seen = arena.states[slot].load();
      if (StateWord::from(seen).state != SlotState::dead) continue;
      if (settle_if(arena, slot, seen)) found = true, ++settled;
    }
  }
  return settled;
}

void settle(Member member) {
  if (!member || segment_if_any() == nullptr) return;
  std::scoped_lock guard{ledger_mutex()};
  settle_locked(member);
}

int sweep() {
  std::scoped_lock guard{ledger_mutex()};
  return sweep_births() + sweep_locked();
}

}  // namespace multiprocessing::detail
