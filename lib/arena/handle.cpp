#include "multiprocessing/detail/handle.hpp"

#include <mutex>

#include "arena/handles.hpp"
#include "arena/identity.hpp"
#include "arena/message_handles.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

/// In a child that is outside the family the records are a dead copy of its parent's, and the
/// mutexes may be held by threads that it does not have.
bool outside() { return segment_if_any() != nullptr && !self_if_any(); }

void drop(HandleRecord* record) noexcept {
  std::uint64_t handles = record->handles.load(std::memory_order_relaxed);
  while (handles > 1)
    if (record->handles.compare_exchange_weak(handles, handles - 1, std::memory_order_acq_rel))
      return;
  if (outside()) return;
  try {
    std::scoped_lock guard{ledger_mutex()};
    if (record->handles.fetch_sub(1, std::memory_order_acq_rel) == 1)
      HandleTable::instance().drop_last(record);
  } catch (const std::exception&) {
    // Other members took this process for dead and have released it already.
  }
}

}  // namespace

LocalPart::~LocalPart() = default;

Handle::Handle(const ObjectMaker& lazy) noexcept : maker_(&lazy) {
  if (outside()) return;
  std::scoped_lock guard{ledger_mutex()};
  HandleTable::instance().add_lazy(*this);
}

Handle::Handle(const Handle& other) {
  if (other.maker_ != nullptr) static_cast<void>(other.body());  // two copies are the same object
  record_ = other.record_;
  if (record_ != nullptr) record_->handles.fetch_add(1, std::memory_order_relaxed);
}

Handle::Handle(Handle&& other) noexcept { swap(other); }

Handle::~Handle() {
  if (maker_ != nullptr) forget_lazy();
  if (record_ != nullptr) drop(record_);
}

void Handle::forget_lazy() noexcept {
  if (outside()) return;
  std::scoped_lock guard{ledger_mutex()};
  if (maker_ != nullptr) HandleTable::instance().remove_lazy(*this);
}

void Handle::swap(Handle& other) noexcept {
  if (maker_ == nullptr && other.maker_ == nullptr) {
    std::swap(record_, other.record_);
    return;
  }
  if (outside()) {
    maker_ = other.maker_.exchange(maker_);
    std::swap(record_, other.record_);
    return;
  }
  std::scoped_lock guard{ledger_mutex()};
  // Looked at again below: a fork by another thread may just have made their objects.
  HandleTable& table = HandleTable::instance();
  const ObjectMaker* mine = maker_;
  const ObjectMaker* theirs = other.maker_;
  if (mine != nullptr) table.remove_lazy(*this);
  if (theirs != nullptr) table.remove_lazy(other);
  std::swap(record_, other.record_);
  maker_ = theirs;
  other.maker_ = mine;
  if (maker_ != nullptr) table.add_lazy(*this);
  if (other.maker_ != nullptr) table.add_lazy(other);
}

Handle Handle::make(std::size_t bytes, std::size_t links) {
  static_cast<void>(self());
  std::scoped_lock guard{ledger_mutex()};
  return Handle{HandleTable::instance().make(bytes, links, Backing::reserved)};
}

Handle Handle::make_unset(std::size_t bytes, std::size_t links) {
  static_cast<void>(self());
  std::scoped_lock guard{ledger_mutex()};
  return Handle{HandleTable::instance().make(bytes, links, Backing::reserved, Contents::any)};
}

Handle Handle::make_sparse(std::size_t bytes, std::size_t links) {
  static_cast<void>(self());
  std::scoped_lock guard{ledger_mutex()};
  return Handle{HandleTable::instance().make(bytes, links, Backing::sparse)};
}

Handle Handle::of(std::uint64_t offset) {
  std::scoped_lock guard{ledger_mutex()};
  return Handle{HandleTable::instance().hold(offset)};
}

void* Handle::body() const {
  if (maker_ != nullptr) {
    static_cast<void>(self());
    std::scoped_lock guard{ledger_mutex()};
    if (maker_ != nullptr) HandleTable::instance().make_now(*this);
  }
  return record_ == nullptr ? nullptr : record_->body;
}

LocalPart* Handle::local_part() const noexcept {
  return record_ == nullptr ? nullptr : record_->local.load(std::memory_order_acquire);
}

bool Handle::keep(LocalPart* expected, LocalPart* part) const {
  static_cast<void>(body());
  return record_->local.compare_exchange_strong(expected, part, std::memory_order_acq_rel);
}

std::uint64_t Handle::offset() const {
  static_cast<void>(body());
  return record_ == nullptr ? 0 : record_->block;
}

Handle::Wire Handle::save() const {
  OutgoingHandles::collect(*this);
  return {segment().header->arena, offset()};
}

Handle Handle::load(const Wire& wire) {
  if (wire.offset == 0) return {};
  static_cast<void>(self());
  if (wire.arena != segment().header->arena)
    throw SerializationError(
        "a handle from another family: shared objects reach only processes that this program "
        "started after its first use of the library");
  std::scoped_lock guard{ledger_mutex()};
  HandleTable& table = HandleTable::instance();
  if (table.find(wire.offset) != nullptr || IncomingHandles::permit(wire.offset))
    return Handle{table.hold(wire.offset)};
  throw SerializationError("a handle that the message does not hold");
}

}  // namespace multiprocessing::detail
