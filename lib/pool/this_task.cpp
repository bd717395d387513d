#include "multiprocessing/pool/this_task.hpp"

#include <atomic>
#include <cstdint>

#include "pool/current_task.hpp"

namespace multiprocessing {
namespace {

constinit std::atomic<const detail::StopWord*> asked_by{nullptr};
constinit std::atomic<std::uint64_t> current{0};  // a TaskName

}  // namespace

namespace detail {

CurrentTask::CurrentTask(TaskName name) { current.store(name.bits(), std::memory_order_relaxed); }
CurrentTask::~CurrentTask() { current.store(0, std::memory_order_relaxed); }

void CurrentTask::asked_by(const StopWord& word) {
  current.store(0);  // a nested pool's worker is forked amid a task of another pool
  multiprocessing::asked_by.store(&word);
}

}  // namespace detail

bool this_task::stop_requested() noexcept { return stop_token().stop_requested(); }

StopToken this_task::stop_token() noexcept {
  const detail::StopWord* const word = asked_by.load(std::memory_order_relaxed);
  if (word == nullptr) return {};
  return {*word, current.load(std::memory_order_relaxed)};
}

}  // namespace multiprocessing
