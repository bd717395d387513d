// SimpleQueue: a queue with the fewest calls.
#pragma once

#include <functional>
#include <typeinfo>

#include "multiprocessing/detail/queue_core.hpp"

namespace multiprocessing {

/// A `Queue` without bounds, time-outs and counts, after Python's `multiprocessing.SimpleQueue`.
/// All that `Queue` says of handles, order and deaths holds here too. Python's is a pipe, and
/// `put` waits when that is full; here it never waits.
template <class T>
class SimpleQueue {
 public:
  using value_type = T;

  /// Costs nothing until it is used.
  SimpleQueue() noexcept : core_(detail::queue_maker<T, detail::QueueKind::simple>) {}

  /// Throws `OSError` when this process has closed the queue, or shared memory is short.
  void put(const T& item) const {
    static_cast<void>(detail::put_value<T>(core_, item, Timeout::infinite));
  }
  void put(T&& item) const { put(static_cast<const T&>(item)); }

  /// Waits for a message. Throws `OSError` when this process has closed the queue.
  T get() const { return detail::get_value_in_time<T>(core_, {Timeout::infinite}); }

  /// Throws `OSError` when this process has closed the queue.
  [[nodiscard]] bool empty() const { return core_.empty(); }

  /// This process uses it no more. Other processes go on.
  void close() const { core_.close(); }
  [[nodiscard]] bool closed() const { return core_.closed(); }

  /// Whether both are the same queue.
  friend bool operator==(const SimpleQueue& a, const SimpleQueue& b) { return a.core_ == b.core_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    core_.serialize(archive, version);
    if constexpr (!Archive::is_saving::value)
      core_.check_arrived(detail::QueueKind::simple, detail::message_type<T>);
  }

 private:
  friend struct std::hash<SimpleQueue>;
  detail::QueueCore core_;
};

}  // namespace multiprocessing

template <class T>
struct std::hash<multiprocessing::SimpleQueue<T>> {
  std::size_t operator()(const multiprocessing::SimpleQueue<T>& queue) const {
    return std::hash<multiprocessing::detail::Handle>{}(queue.core_.handle());
  }
};
