// QueueReader and QueueWriter: ends of a queue that tell each other when the last one goes.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "multiprocessing/detail/queue_mark.hpp"
#include "multiprocessing/queues/queue.hpp"

namespace multiprocessing {

/// The end of a queue that gets. Its gets throw `EOFError` once the queue is drained and no
/// `QueueWriter` is left in any process or message, whether they ended or were killed; while there
/// has been none yet they wait. What plain `Queue` handles put arrives too, but they do not count.
///
///     mp::Queue<int> queue;
///     mp::Process producer{count_to_ten, queue.writer()};  // its only writer
///     producer.start();
///     for (int number : queue.reader()) …                  // ends when the producer has
///
/// A child made by `fork` holds the writers that its parent held then, and they end with it; the
/// reader's own inherited ones do not count. Give a writer to a `Process` as a temporary.
///
/// A reader view counts in the same way. Once there has been one and none is left, a put for which
/// there is no room throws `BrokenPipeError`, and `JoinableQueue::join()` throws `WorkerDied` when
/// messages are left; both say which process had the last one, and how that ended. Keep the view
/// for as long as this process reads: one that is made for each get is gone in between.
template <class T>
class QueueReader {
 public:
  using value_type = T;

  /// Gets until the end: of all writers, or of the queue.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit iterator(const QueueReader& reader) : reader_(&reader) { ++*this; }
    T& operator*() const { return *value_; }
    iterator& operator++() {
      value_ = reader_->next_until_end();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& at, std::default_sentinel_t) { return !at.value_; }

   private:
    const QueueReader* reader_;
    mutable std::optional<T> value_;
  };

  QueueReader() noexcept = default;
  explicit QueueReader(Queue<T> queue)
      : queue_(std::move(queue)),
        mark_(queue_.core(), detail::QueueEnd::reader,
              queue_.core().token_of(detail::QueueEnd::reader)) {}

  T get() const { return get(Timeout::infinite); }
  T get(Timeout timeout) const {
    return detail::get_value_in_time<T>(open().core(), {timeout, true});
  }
  T get_nowait() const { return get(std::chrono::nanoseconds{0}); }
  [[nodiscard]] std::optional<T> try_get() const { return try_get(std::chrono::nanoseconds{0}); }
  [[nodiscard]] std::optional<T> try_get(Timeout timeout) const {
    return detail::get_value<T>(open().core(), {timeout, true});
  }
  std::vector<T> get_many(std::size_t most) const {
    return detail::get_values<T>(open().core(), most, {Timeout::infinite, true});
  }
  [[nodiscard]] iterator begin() const { return iterator{*this}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }
  [[nodiscard]] bool empty() const { return open().empty(); }
  [[nodiscard]] int fileno() const { return open().fileno(); }

  /// Of a `JoinableQueue`: as there. Throws `AssertionError` for another.
  void task_done() const { open().core().task_done(); }

  /// This one is no reader any more; gets through it throw `ValueError`.
  void close() { mark_ = detail::QueueMark{}; }  // clang 14 would not destroy what {} makes

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& queue_;
    mark_.serialize_with(archive, queue_.core(), detail::QueueEnd::reader);
  }

 private:
  [[nodiscard]] const Queue<T>& open() const {
    if (!mark_.token()) throw ValueError("this reader was closed, or is of no queue");
    return queue_;
  }
  [[nodiscard]] std::optional<T> next_until_end() const {
    try {
      return try_get(Timeout::infinite);
    } catch (const EOFError&) {
      return std::nullopt;
    } catch (const ShutDown&) {
      return std::nullopt;
    }
  }

  Queue<T> queue_;
  detail::QueueMark mark_;
};

/// The end of a queue that puts. Copies, also those in other processes and in messages, each count
/// as a writer; it stops with `close()` or with its destructor, or when its process dies.
template <class T>
class QueueWriter {
 public:
  using value_type = T;

  QueueWriter() noexcept = default;
  explicit QueueWriter(Queue<T> queue)
      : queue_(std::move(queue)),
        mark_(queue_.core(), detail::QueueEnd::writer,
              queue_.core().token_of(detail::QueueEnd::writer)) {}

  void put(const T& item) const { open().put(item); }
  void put(const T& item, Timeout timeout) const { open().put(item, timeout); }
  void put_nowait(const T& item) const { open().put_nowait(item); }
  [[nodiscard]] bool try_put(const T& item) const { return open().try_put(item); }
  [[nodiscard]] bool try_put(const T& item, Timeout timeout) const {
    return open().try_put(item, timeout);
  }
  template <class R>
  void put_range(R&& items) const {
    open().put_range(std::forward<R>(items));
  }

  /// This one is no writer any more; puts through it throw `ValueError`.
  void close() { mark_ = detail::QueueMark{}; }  // clang 14 would not destroy what {} makes

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& queue_;
    mark_.serialize_with(archive, queue_.core(), detail::QueueEnd::writer);
  }

 private:
  [[nodiscard]] const Queue<T>& open() const {
    if (!mark_.token()) throw ValueError("this writer was closed, or is of no queue");
    return queue_;
  }

  Queue<T> queue_;
  detail::QueueMark mark_;
};

template <class T>
QueueReader<T> Queue<T>::reader() const {
  return QueueReader<T>{*this};
}
template <class T>
QueueWriter<T> Queue<T>::writer() const {
  return QueueWriter<T>{*this};
}

}  // namespace multiprocessing
