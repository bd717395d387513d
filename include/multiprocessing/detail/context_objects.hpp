// ContextObjects: the constructors of shared objects that a context carries.
#pragma once

#include <initializer_list>
#include <utility>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

class Barrier;
class BoundedSemaphore;
class Condition;
class Connection;
class Event;
class Lock;
class RLock;
class Semaphore;
struct PipeOptions;
template <class T, class L>
class Array;
template <class T>
class JoinableQueue;
template <class T>
class Queue;
template <class T>
class RawArray;
template <class T>
class RawValue;
template <class T>
class SimpleQueue;
template <class T, class L>
class Value;
MULTIPROCESSING_API std::pair<Connection, Connection> Pipe(PipeOptions options);

namespace detail {

/// Python's contexts construct what processes share too. Here such an object belongs to no start
/// method and may go anywhere: `ctx.Lock()` is `mp::Lock()`, so that ports may be typed as they
/// are.
///
/// The names point to higher floors. Each is a type that the header of its module defines, and
/// without that a call does not compile; for that the types that need none are parameters here.
class ContextObjects {
 public:
  template <class T = multiprocessing::Lock>
  [[nodiscard]] T Lock() const {
    return T();
  }
  template <class T = multiprocessing::RLock>
  [[nodiscard]] T RLock() const {
    return T();
  }
  template <class T = multiprocessing::Event>
  [[nodiscard]] T Event() const {
    return T();
  }
  template <class T = multiprocessing::Condition, class... A>
  [[nodiscard]] T Condition(A&&... lock) const {
    return T(std::forward<A>(lock)...);
  }
  template <class T = multiprocessing::Semaphore, class... A>
  [[nodiscard]] T Semaphore(A&&... value) const {
    return T(std::forward<A>(value)...);
  }
  template <class T = multiprocessing::BoundedSemaphore, class... A>
  [[nodiscard]] T BoundedSemaphore(A&&... value) const {
    return T(std::forward<A>(value)...);
  }
  template <class T = multiprocessing::Barrier, class... A>
  [[nodiscard]] T Barrier(A&&... arguments) const {
    return T(std::forward<A>(arguments)...);
  }

  template <class T, class L = multiprocessing::RLock, class... A>
  [[nodiscard]] multiprocessing::Value<T, L> Value(A&&... arguments) const {
    return multiprocessing::Value<T, L>(std::forward<A>(arguments)...);
  }
  template <class T, class... A>
  [[nodiscard]] multiprocessing::RawValue<T> RawValue(A&&... initial) const {
    return multiprocessing::RawValue<T>(std::forward<A>(initial)...);
  }
  template <class T, class L = multiprocessing::RLock, class... A>
  [[nodiscard]] multiprocessing::Array<T, L> Array(A&&... arguments) const {
    return multiprocessing::Array<T, L>(std::forward<A>(arguments)...);
  }
  template <class T, class L = multiprocessing::RLock, class... A>
  [[nodiscard]] multiprocessing::Array<T, L> Array(std::initializer_list<T> items,
                                                   A&&... lock) const {
    return multiprocessing::Array<T, L>(items, std::forward<A>(lock)...);
  }
  template <class T, class... A>
  [[nodiscard]] multiprocessing::RawArray<T> RawArray(A&&... arguments) const {
    return multiprocessing::RawArray<T>(std::forward<A>(arguments)...);
  }
  template <class T>
  [[nodiscard]] multiprocessing::RawArray<T> RawArray(std::initializer_list<T> items) const {
    return multiprocessing::RawArray<T>(items);
  }

  template <class T, class... A>
  [[nodiscard]] multiprocessing::Queue<T> Queue(A&&... maxsize) const {
    return multiprocessing::Queue<T>(std::forward<A>(maxsize)...);
  }
  template <class T, class... A>
  [[nodiscard]] multiprocessing::JoinableQueue<T> JoinableQueue(A&&... maxsize) const {
    return multiprocessing::JoinableQueue<T>(std::forward<A>(maxsize)...);
  }
  template <class T>
  [[nodiscard]] multiprocessing::SimpleQueue<T> SimpleQueue() const {
    return multiprocessing::SimpleQueue<T>();
  }
  template <class Options = PipeOptions>
  [[nodiscard]] auto Pipe(Options options = {}) const {
    return multiprocessing::Pipe(options);
  }

  friend bool operator==(const ContextObjects&, const ContextObjects&) = default;
};

}  // namespace detail
}  // namespace multiprocessing
