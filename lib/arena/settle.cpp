// If the settler dies at any step, another process repeats the step.
#include "arena/settle.hpp"

#include <bit>
#include <exception>
#include <mutex>

#include "arena/event_count.hpp"
#include "arena/identity.hpp"
#include "arena/ledger.hpp"
#include "arena/warm_blocks.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

/// The half of a slot's state that changes when a death has been settled: a futex has 32 bits.
const std::atomic<std::uint32_t>& low_half(const std::atomic<std::uint64_t>& state) {
  static_assert(std::endian::native == std::endian::little);
  const void* low = &state;  // only its address is used
  return *static_cast<const std::atomic<std::uint32_t>*>(low);
}

void end_settling(std::atomic<std::uint64_t>& state, const StateWord& word) {
  state.store(word.packed());
  (void)wake(low_half(state));
}

/// Marks as dead the members that the dead one was preparing or settling, so that any process
/// settles them.
void pass_on_duties(const Segment& arena, std::uint32_t slot) {
  for (std::uint32_t other = 1; other < slot_count; ++other) {
    std::uint64_t seen = arena.states[other].load();
    StateWord word = StateWord::from(seen);
    const bool unfinished = word.state == SlotState::settling || word.state == SlotState::unborn;
    if (!unfinished || word.by != slot) continue;
    word.state = SlotState::dead;
    arena.states[other].compare_exchange_strong(seen, word.packed());
    fail_point("arena.settle.duty_passed");
  }
}

void free_ledger_pages(const Segment& arena, std::uint32_t slot, Member dead) {
  const Member self = checked_self();
  for (std::uint64_t page = arena.slots[slot].ledger_pages.load(); page != 0;) {
    const std::uint64_t next = ledger_page(arena, page)->next.load();
    arena.slots[slot].ledger_pages.store(next);
    fail_point("arena.settle.before_page");
    // If this process dies before this, the claims are still counted, and looked for.
    if (take_and_free(page, owner_of(page), OwnerWord::claimed_by(dead), self))
      arena.slots[slot].claims.fetch_sub(1);
    page = next;
  }
}

/// With the ledger mutex held and the slot in state settling, by this process.
void give_back(const Segment& arena, std::uint32_t slot, Member dead) {
  fail_point("arena.settle.after_mark");
  finish_intent(slot);
  fail_point("arena.settle.after_intent");
  pass_on_duties(arena, slot);
  for_each_ledger_link(arena, slot, [](Link& link) {
    if (link.load(std::memory_order_relaxed) != 0) ledger_release(link);
  });
  fail_point("arena.settle.after_links");
  free_ledger_pages(arena, slot, dead);
  arena.slots[slot].links_used.store(0);
  if (arena.slots[slot].claims.load() != 0) {
    free_claims_of(dead, checked_self(), release_links);
    arena.slots[slot].claims.store(0);
    give_back_lost(arena);
    trim();
  }
  fail_point("arena.settle.before_end");
}

/// Settles the slot if its state is still `seen`; false when another process is at it, or was.
bool settle_if(const Segment& arena, std::uint32_t slot, std::uint64_t seen) {
  StateWord word = StateWord::from(seen);
  const Member dead{slot, word.generation};
  word.state = SlotState::settling;
  word.by = checked_self().slot;
  if (!arena.states[slot].compare_exchange_strong(seen, word.packed())) return false;
  try {
    give_back(arena, slot, dead);
  } catch (...) {
    word.state = SlotState::dead;  // for the next settler
    end_settling(arena.states[slot], word);
    throw;
  }
  end_settling(arena.states[slot], {SlotState::vacant, 0, word.generation});
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
  std::exception_ptr refusal;
  // The dead may leave others to settle, so go round until nothing turns up.
  for (bool found = true; found;) {
    found = false;
    for (std::uint32_t slot = 1; slot < slot_count; ++slot) {
      const StateWord word = StateWord::from(arena.states[slot].load());
      const Member member{slot, word.generation};
      static_cast<void>(alive(member));
      const std::uint64_t seen = arena.states[slot].load();
      if (StateWord::from(seen).state != SlotState::dead) continue;
      try {
        if (settle_if(arena, slot, seen)) found = true, ++settled;
      } catch (const OSError&) {
        refusal = std::current_exception();  // other deaths are settled all the same
      }
    }
  }
  if (refusal) std::rethrow_exception(refusal);
  return settled;
}

void settle(Member member) {
  if (!member || segment_if_any() == nullptr) return;
  std::scoped_lock guard{ledger_mutex()};
  try {
    settle_locked(member);
  } catch (const OSError&) {
    // This process may not map what the dead one held: another member settles it.
  }
}

bool settle_fully(Member dead, const Deadline& deadline) {
  if (!dead || alive(dead)) return true;
  std::atomic<std::uint64_t>& state = segment().states[dead.slot];
  for (Wait wait{back_off::inner_lock, "a settled death"};;) {
    std::uint64_t seen = 0;
    {
      std::scoped_lock guard{ledger_mutex()};
      seen = state.load();
      const StateWord word = StateWord::from(seen);
      const bool over = word.generation != dead.generation || word.state == SlotState::vacant;
      if (over || settle_locked(dead)) return true;
      const std::uint64_t settler = segment().states[word.by].load();
      // A settler that died is settled first.
      if (word.state == SlotState::settling &&
          !alive({word.by, StateWord::from(settler).generation}))
        sweep_locked();
    }
    // A settler that lives takes as long as it needs, longer if its process is stopped.
    if (deadline.passed()) return false;
    wait.sleep(low_half(state), static_cast<std::uint32_t>(seen), deadline);
  }
}

}  // namespace multiprocessing::detail
