// AllSignalsBlocked: a thread takes no signals for a while.
#pragma once

#include <cstdint>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// A set of signals as the kernel has it: the first bit is signal 1.
using SignalBits = std::uint64_t;

/// Holds all signals back from this thread: over a fork, because no handler of the parent may run
/// in the child, and over the start of a thread that is not to take the program's signals.
class MULTIPROCESSING_API AllSignalsBlocked {
 public:
  /// Signals of libraries are let through unless they are asked for, too: by its own the C library
  /// and by SIGSYS libpsx have all threads change their rights, and wait for that; a sandbox
  /// answers refused calls by SIGSYS.
  enum Which : bool { of_the_program, even_of_libraries };

  explicit AllSignalsBlocked(Which which = of_the_program) noexcept;
  ~AllSignalsBlocked() { let_go(); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

  /// The mask is as before.
  void let_go() noexcept;
  [[nodiscard]] SignalBits before() const noexcept { return before_; }

 private:
  SignalBits before_ = 0;
};

}  // namespace multiprocessing::detail
