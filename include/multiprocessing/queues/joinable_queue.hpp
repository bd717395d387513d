// JoinableQueue: a queue that can be waited for until everything that was put has been worked off.
#pragma once

#include <cstddef>
#include <functional>
#include <typeinfo>

#include "multiprocessing/queues/queue.hpp"

namespace multiprocessing {

/// A `Queue` of tasks, after Python's `multiprocessing.JoinableQueue`: a consumer that
/// gets one calls `task_done()` when it is finished, and `join()` waits until all are.
///
/// It keeps an account of what each process got and has not finished. When a process dies with
/// tasks in its hands, no other will finish them: `join()` then throws `WorkerDied`, which names
/// it, and goes on doing so until another process answers for them by `task_done()`.
template <class T>
class JoinableQueue : public Queue<T> {
 public:
  JoinableQueue() noexcept
      : Queue<T>(detail::QueueCore{detail::queue_maker<T, detail::QueueKind::joinable>}) {}
  explicit JoinableQueue(std::size_t maxsize) : JoinableQueue(QueueOptions{.maxsize = maxsize}) {}
  explicit JoinableQueue(const QueueOptions& options)
      : Queue<T>(detail::QueueCore{detail::queue_shape<T>(detail::QueueKind::joinable,
                                                          options.maxsize, options.max_bytes)}) {}

  /// A message that was got has been worked off. Any process may say so. Throws `ValueError` when
  /// none is left.
  void task_done() const { this->core().task_done(); }

  /// Waits until every message that was put has been worked off. Throws `WorkerDied` when a process
  /// died with some: its name, its process id and how it ended; and, where there were reader views,
  /// when the last of them is gone and messages are left, with the process that had it.
  void join() const { static_cast<void>(this->core().join(Timeout::infinite)); }
  /// Says whether they were in time.
  bool join(Timeout timeout) const { return this->core().join(timeout); }

  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    Queue<T>::serialize(archive, version);
    if constexpr (!Archive::is_saving::value)
      this->core().check_arrived(detail::QueueKind::joinable, detail::message_type<T>);
  }
};

}  // namespace multiprocessing

template <class T>
struct std::hash<multiprocessing::JoinableQueue<T>> : std::hash<multiprocessing::Queue<T>> {};
