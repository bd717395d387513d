#include "arena/handles.hpp"

#include <algorithm>
#include <cstring>

#include "arena/identity.hpp"
#include "base/never_destroyed.hpp"

namespace multiprocessing::detail {
namespace {

/// So that `count` elements can be put in later without an exception.
template <class T>
void make_room(std::vector<T>& in, std::size_t count) {
  if (in.capacity() < count) in.reserve(std::max(count, 2 * in.capacity()));
}

}  // namespace

HandleTable& HandleTable::instance() {
  static NeverDestroyed<HandleTable> table;  // handles in static objects outlive any order
  return table.get();
}

HandleRecord* HandleTable::make(std::size_t bytes, std::size_t links, Backing backing,
                                Contents contents) {
  const Segment& arena = segment();
  const std::size_t body_at = body_offset(links);
  // Before the block: nothing below may throw once it is taken.
  Link& link = free_link();
  HandleRecord* record = nullptr;
  std::uint64_t block = 0;
  try {
    record = new_record(0, link);
    block = claim_block(body_at + bytes, checked_self(), backing, Place::in_windows, contents);
    map(block, record);
  } catch (...) {
    if (block != 0) free_claimed(block, checked_self());
    give_up(record, link);
    throw;
  }
  if (contents == Contents::any)
    std::memset(arena.at<void>(block), 0, body_at);
  else if (body_at + bytes <= largest_small)
    std::memset(arena.at<void>(block), 0, body_at + bytes);
  header_of(block)->links = static_cast<std::uint32_t>(links);
  ledger_create(link, block);
  record->body = arena.at<void>(block + body_at);
  return record;
}

HandleRecord* HandleTable::hold(std::uint64_t block) {
  if (HandleRecord* known = find(block)) {
    known->handles.fetch_add(1, std::memory_order_relaxed);
    return known;
  }
  Link& link = free_link();
  HandleRecord* record = nullptr;
  try {
    record = new_record(block, link);
    map(block, record);
    ledger_add(link, block);
  } catch (...) {
    give_up(record, link);
    throw;
  }
  return record;
}

void HandleTable::map(std::uint64_t block, HandleRecord* record) {
  if (spare_nodes_.empty()) {
    make_room(spare_nodes_, records_.size());
    by_block_.emplace(block, record);
    record->block = block;
    return;
  }
  auto node = std::move(spare_nodes_.back());
  spare_nodes_.pop_back();
  node.key() = block;
  node.mapped() = record;
  by_block_.insert(std::move(node));
  record->block = block;
}

void HandleTable::unmap(HandleRecord* record) {
  spare_nodes_.push_back(by_block_.extract(record->block));
  record->block = 0;
}

void HandleTable::give_up(HandleRecord* record, Link& link) {
  if (record != nullptr) {
    if (record->block != 0) unmap(record);
    spare_records_.push_back(record);
  }
  spare_links_.push_back(&link);
}

HandleRecord* HandleTable::find(std::uint64_t block) const {
  const auto at = by_block_.find(block);
  return at == by_block_.end() ? nullptr : at->second;
}

HandleRecord* HandleTable::new_record(std::uint64_t block, Link& link) {
  void* body = nullptr;
  if (block != 0) {
    reach_block(segment(), block);  // the record says for good where it is
    body = segment().at<void>(block + body_offset(header_of(block)->links));
  }
  HandleRecord* record = nullptr;
  if (spare_records_.empty()) {
    make_room(spare_records_, records_.size() + 1);
    record = &records_.emplace_back();
  } else {
    record = spare_records_.back();
    spare_records_.pop_back();
  }
  record->handles.store(1, std::memory_order_relaxed);
  record->link = &link;
  record->body = body;
  return record;
}

Link& HandleTable::free_link() {
  if (spare_links_.empty()) {
    make_room(spare_links_, records_.size() + 1);
    return new_ledger_link(checked_self());
  }
  Link& link = *spare_links_.back();
  spare_links_.pop_back();
  return link;
}

void HandleTable::drop_last(HandleRecord* record) {
  delete record->local.exchange(nullptr);  // first: it may refer to the object
  unmap(record);
  ledger_release(*record->link);
  spare_links_.push_back(record->link);
  spare_records_.push_back(record);
}

bool HandleTable::enter_in_ledger_of(Member child) {
  try {
    for (HandleRecord& record : records_)
      if (record.block != 0) ledger_add(new_ledger_link(child), record.block);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void HandleTable::move_to(Member child, std::uint32_t first_link) {
  const Segment& arena = segment();
  Slot& slot = arena.slots[child.slot];
  // The links that were entered for it, oldest first: the pages are chained from the newest.
  std::vector<Link*> booked;
  const std::uint32_t used = slot.links_used.load();
  for (std::uint32_t i = first_link; i < std::min<std::uint32_t>(used, inline_links); ++i)
    booked.push_back(&slot.links[i]);
  std::vector<LedgerPage*> pages;
  for (std::uint64_t page = slot.ledger_pages.load(); page != 0;
       page = ledger_page(arena, page)->next.load())
    pages.insert(pages.begin(), ledger_page(arena, page));
  std::uint32_t index = inline_links;
  for (LedgerPage* page : pages)
    for (Link& link : page->links)
      if (std::uint32_t at = index++; at >= first_link && at < used) booked.push_back(&link);
  auto next = booked.begin();
  for (HandleRecord& record : records_)
    if (record.block != 0) record.link = *next++;
  spare_links_.clear();  // they are the parent's
  // Its arguments were entered as well, but it has their handles already.
  for_each_ledger_link(arena, child.slot, [this](Link& link) {
    const std::uint64_t word = link.load();
    if (LinkWord::kind(word) != LinkKind::holds) return;
    if (const HandleRecord* known = find(LinkWord::block(word)); known && known->link != &link)
      release_duplicate(link);
  });
}

void HandleTable::make_lazy() {
  while (lazy_ != nullptr) make_now(*lazy_);
}

void HandleTable::add_lazy(const Handle& handle) noexcept {
  handle.next_lazy_ = lazy_;
  handle.previous_lazy_ = nullptr;
  if (lazy_ != nullptr) lazy_->previous_lazy_ = &handle;
  lazy_ = &handle;
}

void HandleTable::remove_lazy(const Handle& handle) noexcept {
  if (handle.previous_lazy_ != nullptr)
    handle.previous_lazy_->next_lazy_ = handle.next_lazy_;
  else
    lazy_ = handle.next_lazy_;
  if (handle.next_lazy_ != nullptr) handle.next_lazy_->previous_lazy_ = handle.previous_lazy_;
  handle.maker_ = nullptr;
}

HandleRecord* HandleTable::make_now(const Handle& handle) {
  const ObjectMaker maker = *handle.maker_.load();
  HandleRecord* record = make(maker.bytes, maker.links, Backing::reserved);
  if (maker.construct != nullptr) maker.construct(record->body);
  handle.record_ = record;  // first, for other threads look at the maker alone
  remove_lazy(handle);
  return record;
}

void HandleTable::adopt_ledger(Member self) {
  for_each_ledger_link(segment(), self.slot, [this](Link& link) {
    const std::uint64_t word = link.load();
    if (LinkWord::kind(word) != LinkKind::holds) return;
    if (const HandleRecord* known = find(LinkWord::block(word))) {
      if (known->link != &link) release_duplicate(link);
      return;
    }
    HandleRecord* record = new_record(LinkWord::block(word), link);
    record->handles.store(0, std::memory_order_relaxed);
    map(LinkWord::block(word), record);
  });
}

void HandleTable::release_duplicate(Link& link) {
  make_room(spare_links_, spare_links_.size() + records_.size() + 1);
  ledger_release(link);
  spare_links_.push_back(&link);
}

void HandleTable::drop_unclaimed() {
  std::vector<HandleRecord*> unclaimed;
  for (const auto& [block, record] : by_block_)
    if (record->handles.load(std::memory_order_relaxed) == 0) unclaimed.push_back(record);
  for (HandleRecord* record : unclaimed) drop_last(record);
}

}  // namespace multiprocessing::detail
