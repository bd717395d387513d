// Queue: messages between any threads and processes of a family, first in, first out.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ranges>
#include <span>
#include <typeinfo>
#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/queue_core.hpp"
#include "multiprocessing/queues/queue_options.hpp"

namespace multiprocessing {

template <class T>
class QueueReader;
template <class T>
class QueueWriter;

/// Messages between any number of producers and consumers, threads and processes mixed, after
/// Python's `multiprocessing.Queue`.
///
/// A `Queue` is a handle. Its copies, and those that other processes are given as arguments or in
/// messages, are the same queue. What one producer puts is got in that order. A message is put
/// whole by the time `put` returns: there is no feeder thread, a producer may end at once, and what
/// it put stays until it is got.
///
///     mp::Queue<std::string> queue;
///     mp::Process child{[](mp::Queue<std::string> q) { q.put("hello"); }, queue};
///     child.start();
///     std::string greeting = queue.get();
///
/// A value is turned into bytes in `put`, and what its `serialize` throws comes out there. A killed
/// producer or consumer never blocks the others; at most the message that it was putting or getting
/// is gone. `Queue<std::optional<T>>` carries Python's `None`.
///
/// Throws `OSError` when shared memory is short: then nothing was put, and the queue goes on.
template <class T>
class Queue {
 public:
  using value_type = T;

  /// Gets until the queue is shut down and drained.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using reference = T&;
    using pointer = T*;
    using iterator_category = std::input_iterator_tag;

    explicit iterator(const Queue& queue) : queue_(&queue) { ++*this; }
    T& operator*() const { return *value_; }
    T* operator->() const { return &*value_; }
    iterator& operator++() {
      value_ = queue_->next_until_shut_down();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& at, std::default_sentinel_t) { return !at.value_; }

   private:
    const Queue* queue_;
    mutable std::optional<T> value_;
  };

  /// Unbounded; costs nothing until it is used.
  Queue() noexcept : core_(detail::queue_maker<T, detail::QueueKind::plain>) {}

  /// With room for `maxsize` messages; 0 is no bound.
  explicit Queue(std::size_t maxsize) : Queue(QueueOptions{.maxsize = maxsize}) {}

  /// Bounded by messages, by their bytes, or by both.
  explicit Queue(const QueueOptions& options)
      : core_(
            detail::queue_shape<T>(detail::QueueKind::plain, options.maxsize, options.max_bytes)) {}

  /// Waits for room. Throws `ShutDown` when the queue is shut down, `ValueError` when this process
  /// has closed it, `BrokenPipeError` when there is no room and the last reader view is gone.
  void put(const T& item) const {
    if (!detail::put_value<T>(core_, item, Timeout::infinite)) detail::throw_full();
  }
  void put(T&& item) const { put(static_cast<const T&>(item)); }
  /// Throws `Full` when there is no room in time.
  void put(const T& item, Timeout timeout) const {
    if (!detail::put_value<T>(core_, item, timeout)) detail::throw_full();
  }
  void put_nowait(const T& item) const { put(item, std::chrono::nanoseconds{0}); }
  /// The same, but false instead of `Full`.
  [[nodiscard]] bool try_put(const T& item) const {
    return detail::put_value<T>(core_, item, std::chrono::nanoseconds{0});
  }
  [[nodiscard]] bool try_put(const T& item, Timeout timeout) const {
    return detail::put_value<T>(core_, item, timeout);
  }

  /// Waits for a message. Throws `ShutDown` once the queue is shut down and drained, `ValueError`
  /// when this process has closed it.
  T get() const { return get(Timeout::infinite); }
  /// Throws `Empty` when none comes in time.
  T get(Timeout timeout) const { return detail::get_value_in_time<T>(core_, {timeout}); }
  T get_nowait() const { return get(std::chrono::nanoseconds{0}); }
  /// The same, but nothing instead of `Empty`.
  [[nodiscard]] std::optional<T> try_get() const { return next(std::chrono::nanoseconds{0}); }
  [[nodiscard]] std::optional<T> try_get(Timeout timeout) const { return next(timeout); }

  /// Puts each in turn, waiting for room; many at once where they are plain values.
  template <std::ranges::input_range R>
  requires std::convertible_to < std::ranges::range_reference_t<R>,
  const T& > void put_range(R&& items) const {
    if constexpr (detail::goes_flat<T> && std::ranges::contiguous_range<R> &&
                  std::ranges::sized_range<R> && std::same_as<std::ranges::range_value_t<R>, T>) {
      const T* from = std::ranges::data(items);
      for (std::size_t left = std::ranges::size(items); left > 0;) {
        const std::size_t done = core_.put_flats(from, left, Timeout::infinite);
        from += done;
        left -= done;
      }
    } else {
      for (auto&& item : items) put(static_cast<const T&>(item));
    }
  }
  void put_range(std::initializer_list<T> items) const { put_range(std::span{items}); }

  /// Waits for one, then takes what is there, `most` at most. Throws as `get`.
  std::vector<T> get_many(std::size_t most) const { return get_many(most, Timeout::infinite); }
  /// None when none came in time.
  std::vector<T> get_many(std::size_t most, Timeout timeout) const {
    return detail::get_values<T>(core_, most, {timeout});
  }

  [[nodiscard]] iterator begin() const { return iterator{*this}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

  /// How many are in it now; right after a put of this thread, that one included. Works after
  /// `close`.
  [[nodiscard]] std::size_t qsize() const { return core_.qsize(); }
  /// Throws `OSError` when this process has closed a queue that was used, as Python does.
  [[nodiscard]] bool empty() const { return core_.empty(); }
  [[nodiscard]] bool full() const { return core_.full(); }

  /// This process puts and gets no more: `ValueError` from now on. Other processes go on.
  void close() const { core_.close(); }
  [[nodiscard]] bool closed() const { return core_.closed(); }
  /// Nothing to wait for: there is no thread. Throws `AssertionError` unless closed.
  void join_thread() const { core_.join_thread(); }
  /// Nothing to do.
  void cancel_join_thread() const {}

  /// For all processes: puts throw `ShutDown` from now on; gets drain what is left, then throw it.
  /// With `.immediate` what is left is dropped. Threads that wait are woken.
  void shutdown(QueueShutdownOptions options = {}) const { core_.shutdown(options.immediate); }

  /// A descriptor that is readable while there may be messages, for poll loops: take them by
  /// `try_get` until nothing comes. Open until the last handle of this process is gone. At most
  /// eight processes can ask for one. Throws `OSError` when there is none left, `TimeoutError` when
  /// a process that is stopped amid a put keeps it from being made for a second.
  [[nodiscard]] int fileno() const { return core_.fileno(); }

  /// A view that only gets. Its gets throw `EOFError` once no writer view is left anywhere.
  /// It counts as a reader until it is gone, or its process is: puts and `join()` see the last one
  /// go.
  [[nodiscard]] QueueReader<T> reader() const;
  /// A view that only puts. It counts as a writer until it is gone, or its process is.
  [[nodiscard]] QueueWriter<T> writer() const;

  /// Whether both are the same queue.
  friend bool operator==(const Queue& a, const Queue& b) { return a.core_ == b.core_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    core_.serialize(archive, version);
    if constexpr (!Archive::is_saving::value)
      core_.check_arrived(detail::QueueKind::plain, detail::message_type<T>);
  }

 protected:
  explicit Queue(detail::QueueCore core) noexcept : core_(std::move(core)) {}
  [[nodiscard]] const detail::QueueCore& core() const { return core_; }

 private:
  friend class QueueReader<T>;
  friend class QueueWriter<T>;
  friend struct std::hash<Queue>;

  [[nodiscard]] std::optional<T> next(Timeout timeout) const {
    return detail::get_value<T>(core_, {timeout});
  }
  [[nodiscard]] std::optional<T> next_until_shut_down() const {
    try {
      return next(Timeout::infinite);
    } catch (const ShutDown&) {
      return std::nullopt;
    }
  }

  detail::QueueCore core_;
};

}  // namespace multiprocessing

template <class T>
struct std::hash<multiprocessing::Queue<T>> {
  std::size_t operator()(const multiprocessing::Queue<T>& queue) const {
    return std::hash<multiprocessing::detail::Handle>{}(queue.core_.handle());
  }
};
