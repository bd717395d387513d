#include "arena/blocks.hpp"

#include <cstring>
#include <exception>
#include <mutex>
#include <utility>

#include "arena/heap.hpp"
#include "arena/identity.hpp"
#include "arena/ledger.hpp"
#include "arena/message_handles.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

/// For a block that this process took, or the process that forked it: so it is mapped.
BlockHeader* mapped_header(std::uint64_t block) { return segment().at<BlockHeader>(block); }

void* body_of(BlockHeader* header) {
  return reinterpret_cast<std::byte*>(header) + body_offset(header->links);
}

}  // namespace

void* address_of(std::uint64_t offset) {
  if (offset == 0) return nullptr;
  const Segment& arena = segment();
  reach_block(arena, offset);
  return arena.at<void>(offset);
}

Block::Block(std::size_t bytes, std::size_t links, Contents contents)
    : offset_(claim_block(body_offset(links) + bytes, self(), Backing::reserved,
                          Place::among_chunks, contents)),
      claimer_(identity()->member) {
  // Of a reused small block only the header and links must be clean.
  BlockHeader* const header = mapped_header(offset_);
  std::memset(static_cast<void*>(header), 0, body_offset(links));
  header->links = static_cast<std::uint32_t>(links);
  if (links == 0) return;
  fail_point("arena.block.before_mark");
  // From here on the settler of our death looks at its links before it frees it.
  owner_of(offset_).store(OwnerWord::claimed_by(claimer_) | OwnerWord::with_links);
}

Block::Block(Block&& other) noexcept
    : offset_(std::exchange(other.offset_, 0)), claimer_(other.claimer_) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(offset_, other.offset_);
  std::swap(claimer_, other.claimer_);
  return *this;
}

bool Block::is_ours() const {
  if (offset_ == 0 || self_if_any() != claimer_) return false;
  // Unless other members took this process for dead, and have freed it.
  const auto word = StateWord::from(segment().states[claimer_.slot].load());
  return word.state == SlotState::live && word.generation == claimer_.generation;
}

Block::~Block() {
  if (!is_ours()) return;
  try {
    const std::span<Link> mine = links();
    for (Link& link : mine) release(link);
    fail_point("arena.block.before_free");
    free_claimed(offset_, claimer_);
  } catch (const std::exception&) {
    // This process may not map what a link holds, or other members took it for dead: the block is
    // freed with it.
  }
}

void* Block::data() const { return offset_ == 0 ? nullptr : body_of(mapped_header(offset_)); }

std::span<Link> Block::links() const {
  if (offset_ == 0) return {};
  BlockHeader* const header = mapped_header(offset_);
  return {reinterpret_cast<Link*>(header + 1), header->links};
}

void Block::give_to(Link& link) && {
  if (!is_ours())
    throw ProcessError(
        "this block belongs to the process that made it: a forked child has a dead copy");
  const std::uint64_t block = std::exchange(offset_, 0);
  std::scoped_lock guard{ledger_mutex()};
  ledger_give(link, block);
}

std::uint64_t block_in(const Link& link) {
  const std::uint64_t word = link.load();
  return LinkWord::kind(word) == LinkKind::owns ? LinkWord::block(word) : 0;
}

void* data_of(const Link& link) {
  void* const block = address_of(block_in(link));
  return block == nullptr ? nullptr : body_of(static_cast<BlockHeader*>(block));
}

std::span<Link> links_of(const Link& link) {
  const std::uint64_t block = block_in(link);
  if (block == 0) return {};
  return {links_in(block), header_of(block)->links};
}

}  // namespace multiprocessing::detail
