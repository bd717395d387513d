// What is to be done at the very end of a process that ends by itself.
#pragma once

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// A call that runs at the end of the program, in the place where this static object is destroyed,
/// and in children that a Process makes after all exit handlers, because they end by _exit(2). When
/// the library that has the object is unloaded it runs there, and not again.
class MULTIPROCESSING_API LastCall {
 public:
  explicit LastCall(void (*call)() noexcept);
  ~LastCall();
  LastCall(const LastCall&) = delete;

 private:
  void (*call_)() noexcept;
};

/// For a process that ends by _exit(2).
MULTIPROCESSING_API void run_last_calls() noexcept;

}  // namespace multiprocessing::detail
