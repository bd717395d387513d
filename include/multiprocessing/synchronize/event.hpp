// Event: a flag that processes can wait for.
#pragma once

#include <functional>
#include <string>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing {

/// A flag that is set or not, after Python's `multiprocessing.Event`. A handle: copies, in any
/// process of the family, are the same event. Any process and thread may call any function.
///
///     mp::Event stop;
///     mp::Process child{work, stop};  // which calls stop.wait(100ms) between two steps
///     stop.set();
///
/// Reading the flag costs no system call; waiting for one that is not set sleeps in the kernel.
class MULTIPROCESSING_API Event {
 public:
  /// Not set. It is made at first use, which throws `OSError` when shared memory runs out.
  Event();

  [[nodiscard]] bool is_set() const;

  /// Sets the flag and wakes all waiters, by one system call if any sleep; nothing happens when it
  /// is set already. What the caller wrote to shared memory before, a woken thread sees.
  ///
  /// May be called in a signal handler, on an event that this process has called any function of,
  /// be it `is_set()`, or was given as an argument: the first use makes it, and takes memory.
  void set() const;

  /// Takes the flag back. Threads that wait go on waiting.
  void clear() const;

  /// Waits until the flag is set, or has been set meanwhile: a `clear()` right behind the `set()`
  /// does not make a waiter miss it, as it may in Python.
  void wait() const;

  /// Waits at most `timeout`; returns whether the flag was set. Zero or less: looks once.
  bool wait(Timeout timeout) const;

  friend bool operator==(const Event& a, const Event& b) { return a.word_ == b.word_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& word_;
  }

 private:
  friend struct std::hash<Event>;
  friend MULTIPROCESSING_API std::string to_string(const Event& event);
  detail::Handle word_;
};

/// `<Event at 0x10040 unset>`; the number is its place in shared memory.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const Event& event);

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Event> {
  std::size_t operator()(const multiprocessing::Event& event) const {
    return std::hash<multiprocessing::detail::Handle>{}(event.word_);
  }
};
