// WaitingCalls: calls that are answered later, without a thread for each.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>

#include "managers/referent.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// A referent that gives no outcome keeps a record of the call, by its channel: a channel
/// has one call at a time. The server reads nothing more from the channel until it is answered.
class MULTIPROCESSING_API WaitingCalls {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~WaitingCalls();

  /// Answers the call that waits. A channel that has ended is passed over.
  virtual void answer(std::uint64_t channel, Outcome outcome) = 0;
  virtual void fail(std::uint64_t channel, std::exception_ptr error) = 0;

  /// Has the referent's `timed_out` called then, unless the call was answered before.
  virtual void time_out_at(std::uint64_t channel, Clock::time_point time) = 0;

  /// Has the referent told when the channel ends, and when the process of the channel does.
  virtual void watch(const Caller& caller, Referent& referent) = 0;
};

}  // namespace multiprocessing::detail
