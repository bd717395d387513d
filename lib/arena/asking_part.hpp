// AskingPart: for objects that want to know which children are given them.
#pragma once

#include "arena/member.hpp"
#include "arena/message_handles.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

/// What a process keeps beside an object that asks.
class MULTIPROCESSING_API AskingPart : public LocalPart {
 public:
  AskingPart();
  ~AskingPart() override;

  /// This process is about to start `child`, and `object` is among its arguments. The child may
  /// still not come to life.
  virtual void given_to(const Handle& object, Member child) = 0;

  /// Whether this process keeps any, so that a fork need not look through its arguments else.
  [[nodiscard]] static bool any();
};

/// Tells the parts of this process beside the objects that `child` is given.
MULTIPROCESSING_API void tell_asking_parts(const OutgoingHandles& arguments, Member child);

}  // namespace multiprocessing::detail
