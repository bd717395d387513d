// What one process keeps beside a queue: whether it closed it, its bell, its entry in the book.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/unique_fd.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "queues/ring.hpp"

namespace multiprocessing::detail {

/// A descriptor that is readable while there may be messages: a datagram socket with an abstract
/// name. Producers may have been there before anybody thought of polling, so they cannot have a
/// descriptor of it; they ring it by name, and only when it is armed.
class OwnBell {
 public:
  /// Throws OSError when the queue has no place left for one.
  explicit OwnBell(const QueueRef& queue);
  ~OwnBell();
  OwnBell(const OwnBell&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// Called when this process found the queue empty: not readable until something comes.
  void arm(const QueueRef& queue);

  /// In a forked child: the copy there is its parent's.
  void disown() { bell_ = nullptr; }

 private:
  UniqueFd fd_;
  Bell* bell_ = nullptr;
};

/// Rings all that are armed.
void ring_bells(QueueBody& body);

class QueueLocal final : public LocalPart {
 public:
  explicit QueueLocal(Member owner) : owner(owner) {}
  ~QueueLocal() override;

  const Member owner;
  std::atomic<bool> closed = false;
  std::atomic<std::uint32_t> entry = 0;     // of the book, plus one
  std::atomic<std::int32_t> views[2] = {};  // by QueueEnd: those it made or received
  std::atomic<bool> reads = false;          // it is among those that the token of readers names
  std::atomic<OwnBell*> bell = nullptr;     // owned

  /// Keeps the copy of the parent's that it has replaced, for other threads may be looking at that.
  void inherit(LocalPart* parents) { inherited_.reset(parents); }

 private:
  std::unique_ptr<LocalPart> inherited_;
};

/// This process's; null if it keeps nothing. One inherited by a fork does not count.
[[nodiscard]] QueueLocal* local_of(const Handle& queue);
/// Made if need be.
[[nodiscard]] QueueLocal& make_local(const Handle& queue);

/// Throws what a closed queue throws, if this process has closed it.
void check_open(const QueueRef& queue);

/// The entry of this process in the book of a joinable queue, plus one; 0 for others. Nothing when
/// the limit passed before there was one.
[[nodiscard]] std::optional<std::uint32_t> entry_of(const QueueRef& queue, LazyDeadline& limit);

/// The bell of this process, made if need be.
[[nodiscard]] OwnBell& make_bell(const QueueRef& queue);

}  // namespace multiprocessing::detail
