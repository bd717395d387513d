// Signal handlers of a parent in the child that it forks.
#pragma once

#include <signal.h>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Holds all signals back from this thread: over a fork, in whose child no handler of its parent
/// may run, and over the start of a thread that is not to take the program's signals.
class MULTIPROCESSING_API AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept;
  ~AllSignalsBlocked() { let_go(); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

  /// The mask is as before.
  void let_go() noexcept;

 private:
  sigset_t before_;
};

/// Signals that have a handler are at default afterwards, as after exec; ignored ones stay ignored.
/// SIGSYS keeps its handler: a sandbox answers refused calls by it, and libpsx has all threads
/// change their rights by it, and both are inherited.
void drop_signal_handlers() noexcept;

}  // namespace multiprocessing::detail
