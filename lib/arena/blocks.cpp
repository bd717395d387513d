#include "arena/blocks.hpp"

#include <cstring>
#include <mutex>
#include <utility>

#include "arena/identity.hpp"
#include "arena/ledger.hpp"

namespace multiprocessing::detail {

void* address_of(std::uint64_t offset) {
  return offset == 0 ? nullptr : segment().at<void>(offset);
}

Block::Block(std::size_t bytes, std::size_t links)
    : offset_(claim_block(body_offset(links) + bytes, self())) {
  // Of a reused small block only the header and links must be clean.
  std::memset(address_of(offset_), 0, body_offset(links));
  header_of(offset_)->links = static_cast<std::uint32_t>(links);
}

Block::Block(Block&& other) noexcept : offset_(std::exchange(other.offset_, 0)) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(offset_, other.offset_);
  return *this;
}

Block::~Block() {
  if (offset_ == 0 || !self_if_any()) return;
  const std::span<Link> mine = links();
  for (Link& link : mine) release(link);
  free_claimed(offset_, identity()->member);
}

void* Block::data() const {
  return offset_ == 0 ? nullptr : address_of(offset_ + body_offset(header_of(offset_)->links));
}

std::span<Link> Block::links() const {
  if (offset_ == 0) return {};
  return {links_in(offset_), header_of(offset_)->links};
}

void Block::give_to(Link& link) && {
  const std::uint64_t block = std::exchange(offset_, 0);
  std::scoped_lock guard{ledger_mutex()};
  ledger_give(link, block);
}

std::uint64_t block_in(const Link& link) {
  const std::uint64_t word = link.load();
  return LinkWord::kind(word) == LinkKind::owns ? LinkWord::block(word) : 0;
}

void* data_of(const Link& link) {
  const std::uint64_t block = block_in(link);
  return block == 0 ? nullptr : address_of(block + body_offset(header_of(block)->links));
}

std::span<Link> links_of(const Link& link) {
  const std::uint64_t block = block_in(link);
  if (block == 0) return {};
  return {links_in(block), header_of(block)->links};
}

}  // namespace multiprocessing::detail
