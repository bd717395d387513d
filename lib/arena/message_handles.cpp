#include "arena/message_handles.hpp"

#include <algorithm>
#include <mutex>

#include "arena/handles.hpp"
#include "arena/identity.hpp"
#include "arena/ledger.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

thread_local OutgoingHandles* outgoing = nullptr;
thread_local const IncomingHandles* incoming = nullptr;

}  // namespace

void OutgoingHandles::add(const Handle& handle) {
  if (handle && std::ranges::find(handles_, handle) == handles_.end()) handles_.push_back(handle);
}

void OutgoingHandles::collect(const Handle& handle) {
  if (outgoing == nullptr)
    throw SerializationError(
        "shared objects can be sent to processes of this family only: as arguments, results or "
        "messages, not saved elsewhere");
  outgoing->add(handle);
}

bool OutgoingHandles::can_collect() { return outgoing != nullptr; }

OutgoingHandles::Scope::Scope(OutgoingHandles& into) : previous_(outgoing) { outgoing = &into; }

OutgoingHandles::Scope::~Scope() { outgoing = previous_; }

IncomingHandles::IncomingHandles(std::span<const Link> links) : links_(links), previous_(incoming) {
  incoming = this;
}

IncomingHandles::~IncomingHandles() { incoming = previous_; }

bool IncomingHandles::holds(std::uint64_t offset) const {
  return std::ranges::any_of(links_, [offset](const Link& link) {
    return link.load() == LinkWord::make(LinkKind::holds, offset);
  });
}

bool IncomingHandles::permit(std::uint64_t offset) {
  for (const IncomingHandles* at = incoming; at != nullptr; at = at->previous_)
    if (at->holds(offset)) return true;
  return false;
}

ObjectName name_of(const Handle& object) {
  const std::uint64_t offset = object.offset();
  return {offset, owner_of(offset).load()};
}

bool exists(const ObjectName& name) { return owner_of(name.offset).load() == name.maker; }

std::span<Link> links_of(const Handle& object) {
  const std::uint64_t block = object.offset();
  return {links_in(block), header_of(block)->links};
}

void hold(Link& link, const Handle& object) {
  const std::uint64_t block = object.offset();
  std::scoped_lock guard{ledger_mutex()};
  ledger_add(link, block);
}

void release(Link& link) {
  static_cast<void>(self());
  std::scoped_lock guard{ledger_mutex()};
  ledger_release(link);
}

Handle handle_from(const Link& link) {
  const std::uint64_t word = link.load();
  if (LinkWord::kind(word) != LinkKind::holds) return {};
  static_cast<void>(self());
  return Handle::of(LinkWord::block(word));
}

void* body_of(const Link& link) {
  const std::uint64_t word = link.load();
  if (LinkWord::kind(word) != LinkKind::holds) return nullptr;
  const std::uint64_t block = LinkWord::block(word);
  reach_block(segment(), block);
  return segment().at<void>(block + body_offset(header_of(block)->links));
}

std::uint32_t holders_of(const Handle& object) {
  return CountWord::count(header_of(object.offset())->count.load());
}

}  // namespace multiprocessing::detail
