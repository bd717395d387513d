#include "arena/audit.hpp"

#include <map>
#include <mutex>
#include <sstream>

#include "arena/chunks.hpp"
#include "arena/identity.hpp"
#include "arena/ledger.hpp"
#include "arena/warm_blocks.hpp"

namespace multiprocessing::detail {
namespace {

class Audit {
 public:
  explicit Audit(const Segment& arena) : arena_(arena) {}

  std::vector<std::string> faults() && {
    for (std::uint32_t slot = 1; slot < slot_count; ++slot) read_ledger(slot);
    for_each_block(arena_, [this](std::uint64_t block, Link& owner) { read_block(block, owner); });
    for_each_block(arena_,
                   [this](std::uint64_t block, Link& owner) { judge(block, owner.load()); });
    for (const auto& [block, times] : held_) fault("held, but no object: ", block, times);
    for (const auto& [block, times] : owned_) fault("owned, but no part: ", block, times);
    for (std::uint32_t slot = 1; slot < slot_count; ++slot)
      if (const auto claims = arena_.slots[slot].claims.load(); claims != claimed_[slot])
        fault("claims counted wrong: ", slot, claims, " instead of ", claimed_[slot]);
    judge_chunks();
    return std::move(faults_);
  }

 private:
  template <class... Parts>
  void fault(Parts... parts) {
    std::ostringstream text;
    ((text << parts << ' '), ...);
    faults_.push_back(text.str());
  }

  void read_link(const Link& link) {
    const std::uint64_t word = link.load();
    if (word == 0) return;
    const std::uint64_t block = LinkWord::block(word);
    if (LinkWord::kind(word) == LinkKind::holds) ++held_[block];
    if (LinkWord::kind(word) == LinkKind::owns) ++owned_[block];
    if (LinkWord::kind(word) == LinkKind::dying) fault("half freed: ", block);
  }

  void read_ledger(std::uint32_t slot) {
    const auto word = StateWord::from(arena_.states[slot].load());
    if (word.state == SlotState::dead || word.state == SlotState::settling)
      fault("not settled: ", slot, static_cast<int>(word.state), "by", word.by);
    if (arena_.slots[slot].intent.what.load() != 0) fault("an intent under way: ", slot);
    if (word.state == SlotState::vacant && arena_.slots[slot].ledger_pages.load() != 0)
      fault("pages of nobody: ", slot);
    for_each_ledger_link(arena_, slot, [&](Link& link) {
      if (word.state == SlotState::vacant && link.load() != 0) fault("a link of nobody: ", slot);
      read_link(link);
    });
  }

  void read_block(std::uint64_t block, Link& owner) {
    const std::uint64_t word = owner.load();
    const OwnerKind kind = OwnerWord::kind(word);
    const bool claimed = kind == OwnerKind::claimed;
    if (claimed) ++claimed_[OwnerWord::claimer(word).slot];
    if (claimed ? (word & OwnerWord::with_links) == 0 : kind == OwnerKind::member) return;
    for (std::uint32_t i = 0; i < header_of(block)->links; ++i) read_link(links_in(block)[i]);
  }

  void judge(std::uint64_t block, std::uint64_t word) {
    switch (OwnerWord::kind(word)) {
      case OwnerKind::claimed:
        if (!alive(OwnerWord::claimer(word)))
          fault("claimed by nobody: ", block, "slot", OwnerWord::claimer(word).slot);
        break;
      case OwnerKind::object:
        if (const auto count = CountWord::count(header_of(block)->count.load());
            count != held_[block])
          fault("count wrong: ", block, count, " instead of ", held_[block]);
        held_.erase(block);
        break;
      case OwnerKind::part:
        if (owned_[block] != 1) fault("a part with owners: ", block, owned_[block]);
        owned_.erase(block);
        break;
      case OwnerKind::member:
        if (const std::uint64_t object = word >> 3;
            OwnerWord::kind(owner_of(object).load()) != OwnerKind::object)
          fault("a member of nothing: ", block, object);
        break;
      case OwnerKind::free:
        break;
    }
  }

  void judge_chunks() {
    const std::uint64_t windows = arena_.header->chunks / window_chunks;
    for (std::uint64_t window = 0; window < windows; ++window) {
      const auto word = ChunkWord::from(arena_.window_words[window].load());
      if (word.kind == ChunkKind::taken)
        fault("windows that are neither: ", window, "by", word.by.slot);
      if (word.kind == ChunkKind::large) window += word.value - 1;
      if (word.kind == ChunkKind::tail) fault("a tail without its head: window ", window);
    }
    for (std::uint64_t chunk = 0, end = map_used_chunks(arena_); chunk < end; ++chunk) {
      const auto word = ChunkWord::from(arena_.chunk_words[chunk].load());
      if (word.kind == ChunkKind::taken || word.kind == ChunkKind::draining)
        fault("a chunk that is neither: ", chunk, static_cast<int>(word.kind), "by", word.by.slot);
      if (word.kind == ChunkKind::large && arena_.owner_word(chunk, 0).load() == 0 &&
          !has_hint(arena_, chunk))
        fault("a warm block that none can find: ", chunk);
      if (word.kind == ChunkKind::large)
        for (std::uint32_t i = 1; i < word.value; ++i)
          if (ChunkWord::from(arena_.chunk_words[chunk + i].load()).kind != ChunkKind::tail)
            fault("a large block without a tail: ", chunk, i);
      if (word.kind == ChunkKind::large) chunk += word.value - 1;
      if (word.kind == ChunkKind::tail) fault("a tail without its head: ", chunk);
    }
  }

  const Segment& arena_;
  std::map<std::uint64_t, std::uint32_t> held_;
  std::map<std::uint64_t, std::uint32_t> owned_;
  std::map<std::uint32_t, std::uint32_t> claimed_;  // by slot
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> arena_faults() {
  const Segment* arena = segment_if_any();
  if (arena == nullptr) return {};
  std::scoped_lock guard{ledger_mutex()};
  return Audit{*arena}.faults();
}

}  // namespace multiprocessing::detail
