// What a process does before it ends: its finalizers, and what it does for its children.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Work that is done when this is called, or else when the process ends: Python's `util.Finalize`.
///
/// At the end the highest priority comes first, and of one priority what was made last. Priorities
/// from 0 on come before the children of the process are ended and waited for, the others after
/// that. A forked child has none of its parent's work. Any thread may make, call and cancel.
class MULTIPROCESSING_API Finalizer {
 public:
  Finalizer(int priority, std::function<void()> work);
  ~Finalizer() { cancel(); }
  Finalizer(const Finalizer&) = delete;
  Finalizer& operator=(const Finalizer&) = delete;

  /// Does it, unless it was done, begun or cancelled before.
  void operator()();
  void cancel() { (void)take(); }
  [[nodiscard]] bool still_active() const;

 private:
  std::function<void()> take();

  std::pair<int, std::uint64_t> place_;  // priority, then number
};

/// Does what finalizers are left, down to that priority. What throws is reported, and the rest goes
/// on.
MULTIPROCESSING_API void finalize(int least_priority);

/// Does what finalizers are left, ends daemons, waits for other children, lets the fork server go.
/// Again without harm. What fails is told on standard error, and the rest is done.
void finish_process() noexcept;

/// Has the program do that when it calls exit or returns from main; once per process.
void finish_at_exit();

}  // namespace multiprocessing::detail
