#include "futures/arrivals.hpp"

#include <utility>

#include "arena/event_count.hpp"
#include "pool/delivery.hpp"

namespace multiprocessing::detail {

void Arrivals::add(std::uint32_t tag) noexcept {
  {
    const std::scoped_lock guard{mutex_};
    ended_.push_back(tag);  // there is room
    any_ = true;
  }
  bell().notify_all();
}

bool Arrivals::await_any(const Deadline& deadline, const std::function<void()>& stuck) {
  EventCount& ends = bell();
  for (Wait wait{back_off::messages, "waiting for futures", &ends.looks()};;) {
    const std::uint32_t key = ends.key();
    const bool looked = wait.spin([this] { return any() || (tasks_ && tasks_->any_end()); });
    if (looked && tasks_ != nullptr) static_cast<void>(tasks_->tell_of_ends());
    if (any()) return true;
    if (deadline.passed()) return false;
    if (looked) continue;  // the ends were others'
    stuck();
    ends.wait(wait, key, deadline);
  }
}

std::vector<std::uint32_t> Arrivals::take() {
  std::vector<std::uint32_t> taken;
  const std::scoped_lock guard{mutex_};
  taken.reserve(ended_.size());
  taken.assign(ended_.begin(), ended_.end());
  ended_.clear();
  any_ = false;
  return taken;
}

Waiting::Waiting(const std::vector<std::shared_ptr<FutureState>>& futures)
    : futures_(futures.begin(), futures.end()) {
  const std::shared_ptr<TaskTable> tasks = choose_tasks();
  start_others(tasks);
  arrivals_ = std::make_shared<Arrivals>(tasks, futures.size());
  try {
    for (std::uint32_t i = 0; i < futures.size(); ++i)
      if (!futures[i]->arrive(arrivals_, i)) settled_before_.push_back(i);
  } catch (...) {
    for (const auto& future : futures) future->forget(*arrivals_);
    throw;
  }
}

Waiting::~Waiting() {
  for (const auto& each : futures_)
    if (const auto future = each.lock()) future->forget(*arrivals_);
}

/// The ends of one pool's tasks are looked for by the waiting thread itself; in a callback, those
/// of the pool whose thread it is.
std::shared_ptr<TaskTable> Waiting::choose_tasks() const {
  std::shared_ptr<TaskTable> chosen;
  for (const auto& each : futures_) {
    const auto future = each.lock();
    const SubmittedTask* const task = future == nullptr ? nullptr : future->submitted();
    if (task == nullptr || task->tasks() == chosen) continue;
    const auto delivery = task->tasks()->delivery();
    if (delivery != nullptr && delivery->is_this_thread()) return task->tasks();
    if (chosen == nullptr) chosen = task->tasks();
  }
  return chosen;
}

void Waiting::start_others(const std::shared_ptr<TaskTable>& tasks) const {
  for (const auto& each : futures_) {
    const auto future = each.lock();
    const SubmittedTask* const task = future == nullptr ? nullptr : future->submitted();
    if (task != nullptr && task->tasks() != tasks) static_cast<void>(task->delivery());
  }
}

std::vector<std::uint32_t> Waiting::next(const Deadline& deadline) {
  if (!settled_before_.empty()) return std::exchange(settled_before_, {});
  const auto stuck = [this] {
    if (!Delivery::runs_in_this_thread()) return;
    for (const auto& each : futures_)
      if (const auto future = each.lock()) future->check_not_stuck();
  };
  if (!arrivals_->await_any(deadline, stuck)) return {};
  return arrivals_->take();
}

}  // namespace multiprocessing::detail
