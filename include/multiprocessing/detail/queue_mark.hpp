// QueueMark: that this process holds a writer or reader view of a queue.
#pragma once

#include <cstdint>
#include <utility>

#include "multiprocessing/detail/handover.hpp"
#include "multiprocessing/detail/queue_core.hpp"

namespace multiprocessing::detail {

/// Held by each view. The token's holders are the processes and messages that have one; this
/// process's own views are counted beside, for what it inherited by a fork is none of them.
class MULTIPROCESSING_API QueueMark {
 public:
  QueueMark() noexcept = default;
  QueueMark(const QueueCore& queue, QueueEnd end, Handle token);
  QueueMark(const QueueMark& other);
  QueueMark(QueueMark&& other) noexcept;
  QueueMark& operator=(QueueMark other) noexcept;
  ~QueueMark();

  /// As a member of a view: a mark of the queue of that view.
  template <class Archive>
  void serialize_with(Archive& archive, const QueueCore& queue, QueueEnd end) {
    if constexpr (Archive::is_saving::value) {
      if (is_handed_over()) *this = QueueMark{};
    }
    Handle token = token_;
    archive& token;
    if constexpr (!Archive::is_saving::value) *this = QueueMark{queue, end, token};
  }

  [[nodiscard]] const Handle& token() const { return token_; }

 private:
  void count(int by) const;

  Handle queue_;
  Handle token_;
  QueueEnd end_ = QueueEnd::writer;
  std::uint64_t maker_ = 0;  // the process that made it; a copy by fork is not counted
  HeldEnd held_;
};

}  // namespace multiprocessing::detail
