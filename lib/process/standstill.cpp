#include "process/standstill.hpp"

#include <chrono>
#include <mutex>
#include <utility>

#include "base/death.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::chrono::milliseconds between_looks{500};

}  // namespace

Standstill::Standstill(pid_t pid) : pid_(pid), next_look_(between_looks) {}

bool Standstill::seen() {
  if (pid_ == 0 || !next_look_.passed()) return false;
  next_look_ = Deadline{between_looks};
  std::scoped_lock guard{fork_gate()};  // a child forked meanwhile would keep the file open
  const bool was_stopped = std::exchange(stopped_, cannot_answer(pid_));
  return was_stopped && stopped_;
}

}  // namespace multiprocessing::detail
