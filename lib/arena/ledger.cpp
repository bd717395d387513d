#include "arena/ledger.hpp"

#include <new>

#include "arena/identity.hpp"
#include "base/fail_point.hpp"

namespace multiprocessing::detail {
namespace {

/// The operation of this process that is under way.
struct Step {
  Slot& slot;
  std::uint32_t me;
  std::uint32_t number;
};

/// Numbers the next operation of this process.
Step next_step() {
  const Member self = checked_self();
  Slot& slot = segment().slots[self.slot];
  const std::uint32_t number = slot.sequence.load(std::memory_order_relaxed) + 1;
  slot.sequence.store(number, std::memory_order_relaxed);
  slot.done.store(number - 1, std::memory_order_relaxed);  // so that note_done has one step to go
  return {slot, self.slot, number};
}

void begin(const Step& step, Operation operation, Link& link, std::uint64_t block,
           std::uint64_t owner = 0) {
  Intent& intent = step.slot.intent;
  intent.block.store(block, std::memory_order_relaxed);
  intent.link.store(segment().offset_of(&link), std::memory_order_relaxed);
  intent.owner.store(owner, std::memory_order_relaxed);
  intent.what.store(std::uint64_t{step.number} << 32 | static_cast<std::uint32_t>(operation),
                    std::memory_order_release);  // the commit of the intent
  fail_point("arena.ledger.after_intent");
}

void end(const Step& step) {
  fail_point("arena.ledger.before_end");
  step.slot.intent.what.store(0, std::memory_order_release);
}

/// Notes that the operation of `word`'s writer took effect, if the writer is still at it.
void note_done(Slot& writer, std::uint64_t word) {
  const std::uint64_t what = writer.intent.what.load();
  const auto number = static_cast<std::uint32_t>(what >> 32);
  if (what == 0 || (number & CountWord::sequence_mask) != CountWord::sequence(word)) return;
  std::uint32_t before = number - 1;
  writer.done.compare_exchange_strong(before, number);
  fail_point("arena.ledger.after_note");
}

/// Changes the count in the name of the step; returns what it is now. The commit of add and drop.
std::uint32_t change_count(const Step& step, std::uint64_t object, std::int32_t by) {
  const Segment& arena = segment();
  auto& word = header_of(object)->count;
  std::uint64_t seen = word.load();
  std::uint64_t wanted = 0;
  do {
    if (CountWord::writer(seen) != step.me) note_done(arena.slots[CountWord::writer(seen)], seen);
    fail_point("arena.ledger.before_count");
    wanted = CountWord::pack(step.number, step.me,
                             CountWord::count(seen) + static_cast<std::uint32_t>(by));
  } while (!word.compare_exchange_weak(seen, wanted));
  fail_point("arena.ledger.after_count");  // the commit
  return CountWord::count(wanted);
}

/// Drops one hold. If it was the last, the link stays marked: the caller has to free the object.
void drop(Link& link, std::uint64_t object) {
  const Step step = next_step();
  begin(step, Operation::drop, link, object);
  const bool last = change_count(step, object, -1) == 0;
  link.store(last ? LinkWord::make(LinkKind::dying, object) : 0, std::memory_order_release);
  end(step);
}

/// The last step: the block's owner word changes once, from the word that made it to this process's
/// name.
void free_block(Link& link, std::uint64_t block) {
  const Member self = checked_self();
  Link& owner = owner_of(block);
  std::uint64_t made = owner.load();
  const Step step = next_step();
  step.slot.claims.fetch_add(1, std::memory_order_relaxed);
  begin(step, Operation::free, link, block, made);
  owner.compare_exchange_strong(made, OwnerWord::claimed_by(self));
  fail_point("arena.ledger.after_unmake");
  link.store(0, std::memory_order_release);
  fail_point("arena.ledger.after_unlink");
  end(step);
  free_claimed(block, self);
}

void make(Operation operation, OwnerKind kind, LinkKind link_kind, Link& link,
          std::uint64_t block) {
  const Step step = next_step();
  const std::uint64_t owner = OwnerWord::made_by(kind, step.me, step.number);
  header_of(block)->count.store(CountWord::pack(step.number, step.me, 1),
                                std::memory_order_relaxed);
  begin(step, operation, link, block, owner);
  owner_of(block).store(owner, std::memory_order_release);  // the commit
  fail_point("arena.ledger.after_make");
  link.store(LinkWord::make(link_kind, block), std::memory_order_release);
  end(step);
  step.slot.claims.fetch_sub(1, std::memory_order_relaxed);
}

/// What the words say of an add or a drop of the dead process in `slot`.
struct Trace {
  bool took_place;
  bool last;  // it was the last writer, and left a count of 0
};
Trace trace_of(const Segment& arena, std::uint32_t slot, std::uint32_t number,
               std::uint64_t object) {
  // The word before the mark: a process that overwrites the word sets the mark first.
  const std::uint64_t word = header_of(object)->count.load();
  const bool names_it = CountWord::writer(word) == slot &&
                        CountWord::sequence(word) == (number & CountWord::sequence_mask);
  const bool done = arena.slots[slot].done.load() == number;
  return {names_it || done, names_it && CountWord::count(word) == 0};
}

}  // namespace

std::mutex& ledger_mutex() {
  static constinit std::mutex mutex;  // static handles outlive any order, and it needs no end
  return mutex;
}

BlockHeader* header_of(std::uint64_t block) {
  const Segment& arena = segment();
  reach_header(arena, block);
  return arena.at<BlockHeader>(block);
}

Link* links_in(std::uint64_t block) {
  const Segment& arena = segment();
  BlockHeader* const header = header_of(block);
  auto* const links = reinterpret_cast<Link*>(header + 1);
  // Those of a large ring may reach into windows behind the one that its header is in.
  if (arena.window_of(arena.offset_of(links + header->links)) != arena.window_of(block))
    reach_block(arena, block);
  return links;
}

std::size_t body_offset(std::size_t links) {
  if (links == 0) return sizeof(BlockHeader);
  return (sizeof(BlockHeader) + links * sizeof(Link) + 63) / 64 * 64;
}

void ledger_add(Link& link, std::uint64_t object) {
  const Step step = next_step();
  begin(step, Operation::add, link, object);
  change_count(step, object, 1);
  link.store(LinkWord::make(LinkKind::holds, object), std::memory_order_release);
  end(step);
}

void ledger_create(Link& link, std::uint64_t block) {
  make(Operation::create, OwnerKind::object, LinkKind::holds, link, block);
}

void ledger_give(Link& link, std::uint64_t block) {
  make(Operation::give, OwnerKind::part, LinkKind::owns, link, block);
}

// The state of the walk is in the links themselves, so that the settler of a death goes on with it.
void ledger_release(Link& link) {
  std::uint64_t word = link.load();
  if (LinkWord::kind(word) == LinkKind::holds) {
    drop(link, LinkWord::block(word));
    word = link.load();
  }
  if (LinkWord::kind(word) == LinkKind::empty) return;
  const std::uint64_t block = LinkWord::block(word);
  const BlockHeader& header = *header_of(block);
  release_links(block);
  if (header.members.load(std::memory_order_relaxed) != 0) free_members_of(block, checked_self());
  fail_point("arena.ledger.before_free");
  free_block(link, block);
}

void release_links(std::uint64_t block) {
  const std::uint32_t count = header_of(block)->links;
  for (Link *link = links_in(block), *end = link + count; link != end; ++link)
    if (link->load(std::memory_order_relaxed) != 0) ledger_release(*link);
}

Link& new_ledger_link(Member owner) {
  const Segment& arena = segment();
  Slot& slot = arena.slots[owner.slot];
  const std::uint32_t index = slot.links_used.load(std::memory_order_relaxed);
  constexpr std::uint32_t per_page = sizeof(LedgerPage::links) / sizeof(Link);
  if (index >= inline_links && (index - inline_links) % per_page == 0) {
    // Claimed in the owner's name, it is freed with the owner wherever this process dies.
    const std::uint64_t block = claim_block(sizeof(LedgerPage), owner);
    fail_point("arena.ledger.page_claimed");
    auto* page = new (arena.at<void>(block)) LedgerPage{};
    page->next.store(slot.ledger_pages.load());
    slot.ledger_pages.store(block);  // the commit
    fail_point("arena.ledger.page_linked");
  }
  slot.links_used.store(index + 1, std::memory_order_relaxed);
  if (index < inline_links) return slot.links[index];
  return ledger_page(arena, slot.ledger_pages.load())->links[(index - inline_links) % per_page];
}

void finish_intent(std::uint32_t slot) {
  const Segment& arena = segment();
  Intent& intent = arena.slots[slot].intent;
  const std::uint64_t what = intent.what.load();
  if (what == 0) return;
  const auto number = static_cast<std::uint32_t>(what >> 32);
  const std::uint64_t block = intent.block.load();
  const std::uint64_t owner = intent.owner.load();
  // It lies in a slot, a page, an object or a part; the last three are blocks.
  const std::uint64_t link_at = intent.link.load();
  if (link_at >= arena.chunk_offset(0)) reach_header(arena, link_at);
  Link& link = *arena.at<Link>(link_at);
  switch (static_cast<Operation>(what & 0xffffffff)) {
    case Operation::none:
      break;
    case Operation::add:
      if (trace_of(arena, slot, number, block).took_place)
        link.store(LinkWord::make(LinkKind::holds, block));
      break;
    case Operation::drop:
      if (const Trace trace = trace_of(arena, slot, number, block); trace.took_place)
        link.store(trace.last ? LinkWord::make(LinkKind::dying, block) : 0);
      break;
    case Operation::create:
      if (owner_of(block).load() == owner) link.store(LinkWord::make(LinkKind::holds, block));
      break;
    case Operation::give:
      if (owner_of(block).load() == owner) link.store(LinkWord::make(LinkKind::owns, block));
      break;
    case Operation::free: {
      // Claimed by this process from now on; if the dead one had come so far, the block is found
      // with its other claims.
      const Member self = checked_self();
      std::uint64_t made = owner;
      arena.slots[self.slot].claims.fetch_add(1);
      const bool ours =
          made != 0 && owner_of(block).compare_exchange_strong(made, OwnerWord::claimed_by(self));
      link.store(0);
      if (ours)
        free_claimed(block, self);
      else
        arena.slots[self.slot].claims.fetch_sub(1);
      break;
    }
  }
  intent.what.store(0);
}

}  // namespace multiprocessing::detail
