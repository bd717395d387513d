// WriterMark: that this process holds a writer view of a queue.
#pragma once

#include <cstdint>
#include <utility>

#include "multiprocessing/detail/handover.hpp"
#include "multiprocessing/detail/queue_core.hpp"

namespace multiprocessing::detail {

/// Held by each writer view. The token's holders are the processes and messages that have one; this
/// process's own views are counted beside, for what it inherited by a fork is none of them.
class MULTIPROCESSING_API WriterMark {
 public:
  WriterMark() noexcept = default;
  WriterMark(const QueueCore& queue, Handle token);
  WriterMark(const WriterMark& other);
  WriterMark(WriterMark&& other) noexcept;
  WriterMark& operator=(WriterMark other) noexcept;
  ~WriterMark();

  [[nodiscard]] const Handle& token() const { return token_; }

 private:
  void count(int by) const;

  Handle queue_;
  Handle token_;
  std::uint64_t maker_ = 0;  // the process that made it; a copy by fork is not counted
  HeldEnd held_;
};

}  // namespace multiprocessing::detail
