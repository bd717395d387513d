#include "multiprocessing/futures/process_pool_manager.hpp"

#include <exception>
#include <utility>

#include "base/deadline.hpp"

namespace multiprocessing {

ProcessPoolManager::ProcessPoolManager(const ExecutorOptions& options)
    : options_(options), executor_(std::make_shared<ProcessPoolExecutor>(options)) {}

ProcessPoolManager::~ProcessPoolManager() = default;  // the executor's end waits

std::shared_ptr<ProcessPoolExecutor> ProcessPoolManager::executor() const {
  const std::scoped_lock guard{mutex_};
  return executor_;
}

void ProcessPoolManager::start() {
  const std::scoped_lock guard{mutex_};
  if (!stopped_) return;
  executor_ = std::make_shared<ProcessPoolExecutor>(options_);
  stopped_ = false;
}

void ProcessPoolManager::stop() {
  const auto executor = this->executor();
  executor->shutdown({.wait = false});
  {
    const std::scoped_lock guard{mutex_};
    if (executor == executor_) stopped_ = true;
    for (auto& [id, place] : places_)
      if (stopped_ && !place.taken) abandon(place);
  }
  executor->shutdown();
}

void ProcessPoolManager::abandon(Place& place) {
  std::exchange(place.submitted, {})
      .set_exception(std::make_exception_ptr(
          CancelledError("the manager was stopped before a task of that id was submitted")));
}

bool ProcessPoolManager::cancel_task(const std::string& id) {
  const std::scoped_lock guard{mutex_};
  const auto found = places_.find(id);
  return found != places_.end() && found->second.task && found->second.task->cancel();
}

void ProcessPoolManager::reserve(const std::string& id) {
  const std::scoped_lock guard{mutex_};
  if (std::exchange(places_[id].taken, true))
    throw ValueError("there is a task \"" + id + "\" whose result has not been fetched");
}

void ProcessPoolManager::fill(const std::string& id, std::optional<AnyFuture> task) {
  const std::scoped_lock guard{mutex_};
  const auto found = places_.find(id);
  Place& place = found->second;
  place.taken = task.has_value();
  place.task = std::move(task);
  if (place.taken)
    place.submitted.set_result();
  else if (!place.awaited)
    places_.erase(found);
  else if (stopped_)
    abandon(place);
}

ProcessPoolManager::Fetch::Fetch(ProcessPoolManager& manager, const std::string& id)
    : manager_(manager), id_(id) {
  const std::scoped_lock guard{manager_.mutex_};
  Place& place = manager_.places_[id];
  if (std::exchange(place.awaited, true))
    throw ValueError("another thread waits for the result of \"" + id + "\"");
  submitted_ = place.submitted;
  if (manager_.stopped_ && !place.taken) abandon(place);
}

ProcessPoolManager::Fetch::~Fetch() {
  if (taken_) return;
  const std::scoped_lock guard{manager_.mutex_};
  const auto found = manager_.places_.find(id_);
  found->second.awaited = false;
  if (!found->second.taken) manager_.places_.erase(found);
}

AnyFuture ProcessPoolManager::Fetch::wait(Timeout timeout) {
  const detail::Deadline deadline{timeout};
  try {
    submitted_.result(timeout);
    AnyFuture task = [&] {
      const std::scoped_lock guard{manager_.mutex_};
      return *manager_.places_.at(id_).task;
    }();
    try {
      static_cast<void>(task.exception(timeout.is_forever() ? timeout : deadline.left()));
    } catch (const CancelledError&) {
      return task;  // that is how it has ended
    }
    return task;
  } catch (const TimeoutError&) {
    throw TimeoutError("no result yet of task \"" + id_ + "\"");
  }
}

void ProcessPoolManager::Fetch::take() {
  const std::scoped_lock guard{manager_.mutex_};
  manager_.places_.erase(id_);
  taken_ = true;
}

}  // namespace multiprocessing
