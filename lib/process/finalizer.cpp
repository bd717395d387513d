#include "process/finalizer.hpp"

#include <map>
#include <mutex>
#include <new>
#include <string>

#include "base/never_destroyed.hpp"
#include "process/fork_gate.hpp"
#include "process/program_end.hpp"
#include "process/report.hpp"

namespace multiprocessing::detail {
namespace {

using Waiting = std::map<std::pair<int, std::uint64_t>, std::function<void()>, std::greater<>>;

// Guarded by the gate.
Waiting& waiting() {
  static NeverDestroyed<Waiting> waiting;
  return waiting.get();
}
constinit std::uint64_t made = 0;

// The parent's are left as they are: to destroy them would be work too.
const InForkedChild in_forked_child{[] {
  if (!waiting().empty()) new (&waiting()) Waiting;
}};

std::function<void()> take_next(int least_priority) {
  std::scoped_lock guard{fork_gate()};
  if (waiting().empty() || waiting().begin()->first.first < least_priority) return {};
  return std::move(waiting().extract(waiting().begin()).mapped());
}

}  // namespace

Finalizer::Finalizer(int priority, std::function<void()> work) {
  finish_at_exit();
  std::scoped_lock guard{fork_gate()};
  place_ = {priority, ++made};
  waiting().emplace(place_, std::move(work));
}

void Finalizer::operator()() {
  if (const auto work = take()) work();
}

bool Finalizer::still_active() const {
  std::scoped_lock guard{fork_gate()};
  return waiting().contains(place_);
}

// In a forked child there is nothing of that number: it goes on counting.
std::function<void()> Finalizer::take() {
  std::scoped_lock guard{fork_gate()};
  auto taken = waiting().extract(place_);
  return taken ? std::move(taken.mapped()) : std::function<void()>{};
}

void finalize(int least_priority) {
  while (const auto work = take_next(least_priority)) {
    try {
      work();
    } catch (...) {
      warn_at_the_end(describe_current_exception());
    }
  }
}

}  // namespace multiprocessing::detail
