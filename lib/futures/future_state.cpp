#include "multiprocessing/detail/future_state.hpp"

#include <algorithm>
#include <cstdint>
#include <sstream>

#include "arena/event_count.hpp"
#include "futures/end_of_future.hpp"
#include "multiprocessing/detail/codec/exception.hpp"
#include "pool/delivery.hpp"
#include "pool/pool_core.hpp"

namespace multiprocessing::detail {

FutureState::FutureState() = default;
FutureState::~FutureState() = default;

FutureState::Stage FutureState::stage() const {
  const SubmittedTask* const task = submitted();
  if (task == nullptr) return static_cast<Stage>(stage_.load());
  if (task->runs()) return running;
  if (!task->ended()) return pending;
  return task->cancelled() ? notified : finished;
}

bool FutureState::ended() const { return stage() >= cancelled; }

bool FutureState::failed() const {
  if (const SubmittedTask* const task = submitted()) return task->failed();
  return stage_.load() == finished && given_error_ != nullptr;
}

bool FutureState::wait(Timeout timeout) const {
  const Deadline deadline{timeout};
  for (Wait wait{back_off::messages, "Future.result"};;) {
    if (wait.spin([this] { return ended(); })) return true;
    if (deadline.passed()) return false;
    check_not_stuck();
    const std::uint32_t seen = stage_.load();
    if (seen < cancelled) wait.sleep(stage_, seen, deadline);
  }
}

std::exception_ptr FutureState::exception(Timeout timeout) {
  if (!wait(timeout)) throw TimeoutError("the result has not come in time");
  const std::exception_ptr thrown = error();
  if (is_cancelled()) std::rethrow_exception(thrown);
  return thrown;
}

// ---- what is to happen at the end

std::shared_ptr<EndOfFuture> FutureState::end() {
  const std::scoped_lock guard{mutex_};
  if (end_ == nullptr) end_ = std::make_shared<EndOfFuture>();
  return end_;
}

std::shared_ptr<EndOfFuture> FutureState::end_if_any() const {
  const std::scoped_lock guard{mutex_};
  return end_;
}

void FutureState::call_when_done(Callback callback) {
  const SubmittedTask* const task = submitted();
  std::shared_ptr<Delivery> delivery;
  if (task != nullptr && !ended()) delivery = task->delivery();
  if (ended()) return call_isolated(callback, shared_from_this());
  const auto end = this->end();
  if (!end->add(callback, shared_from_this(), delivery))
    return call_isolated(callback, shared_from_this());
  if (task != nullptr)
    follow_task(end);
  else if (ended())
    end->call(shared_from_this());  // it was set meanwhile
}

bool FutureState::arrive(const std::shared_ptr<Arrivals>& arrivals, std::uint32_t tag) {
  if (settled()) return false;
  const auto end = this->end();
  if (!end->add(arrivals, tag)) return false;
  if (submitted() != nullptr)
    follow_task(end);
  else if (settled())
    end->settle();
  return true;
}

void FutureState::forget(const Arrivals& arrivals) {
  if (const auto end = end_if_any()) end->forget(arrivals);
}

void FutureState::follow_task(const std::shared_ptr<EndOfFuture>& end) {
  {
    const std::scoped_lock guard{mutex_};
    if (std::exchange(followed_, true)) return;
  }
  try {
    if (submitted()->follow(end)) return;
  } catch (...) {
    const std::scoped_lock guard{mutex_};
    followed_ = false;
    throw;
  }
  end->settle();
  end->call(shared_from_this());
}

// ---- those set by hand

bool FutureState::cancel() const {
  // What it is derived from need not be told: it will find out when it would set this.
  const Stage to = origins_.empty() ? cancelled : notified;
  std::uint32_t seen = pending;
  if (!stage_.compare_exchange_strong(seen, to)) return seen == cancelled || seen == notified;
  (void)wake(stage_);
  if (const auto end = end_if_any()) {
    if (to == notified) end->settle();
    end->call(std::const_pointer_cast<FutureState>(shared_from_this()));
  }
  return true;
}

bool FutureState::set_running() {
  if (submitted() != nullptr) throw InvalidStateError("a task runs when its worker says so");
  std::uint32_t seen = pending;
  if (stage_.compare_exchange_strong(seen, running)) return true;
  if (seen == notified && !origins_.empty()) return false;
  if (seen != cancelled || !stage_.compare_exchange_strong(seen, notified))
    throw InvalidStateError("Future in unexpected state: " + describe("a result"));
  if (const auto end = end_if_any()) end->settle();
  return false;
}

void FutureState::begin_setting() {
  for (std::uint32_t seen : {pending, running})
    if (stage_.compare_exchange_strong(seen, being_set)) return;
  const std::uint32_t seen = stage_.load();
  throw InvalidStateError(seen == finished    ? "FINISHED: the future has its result already"
                          : seen >= cancelled ? "CANCELLED: the future was cancelled"
                                              : "RUNNING: another thread sets the future");
}

void FutureState::finish() {
  stage_ = finished;
  (void)wake(stage_);
  if (const auto end = end_if_any()) {
    end->settle();
    end->call(shared_from_this());
  }
}

void FutureState::set_exception(std::exception_ptr exception) {
  if (submitted() != nullptr) throw InvalidStateError("the result of a task is set by its worker");
  if (exception == nullptr) throw ValueError("a null pointer is no exception");
  begin_setting();
  given_error_ = std::move(exception);
  finish();
}

void FutureState::throw_what_was_set() const {
  if (is_cancelled()) throw CancelledError("the future was cancelled");
  if (given_error_ != nullptr) std::rethrow_exception(given_error_);
}

// ---- in callbacks

namespace {

bool delivers_here(const TaskTable& tasks) {
  const auto delivery = tasks.delivery();
  return delivery != nullptr && delivery->is_this_thread();
}

}  // namespace

void FutureState::derive_from(std::vector<std::weak_ptr<FutureState>> origins, PoolCore* pool) {
  origins_ = std::move(origins);
  if (pool != nullptr) tasks_ = pool->tasks();
}

/// Whether this has to come out of a callback that the thread has not run yet.
bool FutureState::waits_for_this_thread() const {
  if (const auto tasks = tasks_.lock(); tasks != nullptr && delivers_here(*tasks)) return true;
  return std::ranges::any_of(origins_, [](const std::weak_ptr<FutureState>& each) {
    const auto origin = each.lock();
    if (origin == nullptr) return false;
    const SubmittedTask* const task = origin->submitted();
    return task == nullptr ? origin->waits_for_this_thread() : delivers_here(*task->tasks());
  });
}

void FutureState::check_not_stuck() const {
  if (submitted() == nullptr && Delivery::runs_in_this_thread() && !ended() &&
      waits_for_this_thread())
    throw AssertionError(
        "a callback cannot wait for what another callback of the same executor gives, which runs "
        "afterwards");
}

std::string FutureState::describe(const std::string& type) {
  std::ostringstream text;
  text << "<Future at " << static_cast<const void*>(this) << " state=";
  switch (stage()) {
    case pending:
      text << "pending";
      break;
    case running:
    case being_set:
      text << "running";
      break;
    case cancelled:
    case notified:
      text << "cancelled";
      break;
    case finished:
      if (const std::exception_ptr thrown = error()) {
        const std::string line = describe_exception(thrown);
        text << "finished raised " << line.substr(0, line.find(": "));
      } else {
        text << "finished returned " << type;
      }
  }
  text << ">";
  return text.str();
}

}  // namespace multiprocessing::detail
