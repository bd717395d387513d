#include "pool/current_worker.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "multiprocessing/detail/current_element.hpp"
#include "multiprocessing/process/process_handle.hpp"
#include "pool/seeds.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing {
namespace detail {

constinit std::atomic<std::size_t> current_element{0};

namespace {

struct Worker {
  Creator process;
  int index;
  std::uint32_t number;
  std::uint64_t pool_seed;
  KeptState state = {};
};

constinit std::atomic<std::uint32_t> current_call{0};  // 0: no task runs

/// In a worker that a worker has forked, what the program keeps of that one is not this one's to
/// destroy.
struct Slot {
  Worker* worker = nullptr;

  [[nodiscard]] bool is_of_this_process() const {
    return worker != nullptr && worker->process.is_this_process();
  }
  ~Slot() {
    if (is_of_this_process()) delete worker;
  }
};

Slot& slot() {
  static Slot only;
  return only;
}

bool is_worker() { return slot().is_of_this_process(); }

Worker& worker() {
  if (!is_worker()) throw AssertionError("this process is not a worker of a pool");
  return *slot().worker;
}

Worker& worker_with_task() {
  Worker& found = worker();
  if (!CurrentCall::any()) throw AssertionError("this worker runs no task now");
  return found;
}

}  // namespace

void become_worker(int index, std::uint32_t number, std::uint64_t pool_seed) {
  slot().worker = new Worker{{}, index, number, pool_seed};
  current_call.store(0);
}

CurrentCall::CurrentCall(std::uint32_t call) {
  at_element(0);
  current_call.store(call, std::memory_order_relaxed);
}

CurrentCall::~CurrentCall() { current_call.store(0, std::memory_order_relaxed); }

bool CurrentCall::any() { return current_call.load(std::memory_order_relaxed) != 0 && is_worker(); }

std::uint64_t next_pool_seed() {
  static std::uint64_t maker = 0;
  static std::uint64_t made = 0;
  const std::uint64_t here =
      CurrentCall::any() ? this_task::seed() : std::hash<std::string>{}(current_process().name());
  const std::scoped_lock guard{fork_gate()};
  if (here != maker) {
    maker = here;
    made = 0;
  }
  return scattered(here + ++made);
}

KeptState& kept_state() { return worker().state; }

}  // namespace detail

int this_worker::index() { return detail::worker().index; }

std::uint64_t this_worker::seed() {
  const detail::Worker& worker = detail::worker();
  return detail::scattered(~worker.pool_seed + worker.number);
}

std::size_t this_task::index() {
  static_cast<void>(detail::worker_with_task());
  return detail::current_element.load(std::memory_order_relaxed);
}

std::uint64_t this_task::seed() {
  const detail::Worker& worker = detail::worker_with_task();
  const std::uint64_t call = detail::current_call.load(std::memory_order_relaxed);
  const std::size_t element = detail::current_element.load(std::memory_order_relaxed);
  return detail::scattered(detail::scattered(worker.pool_seed + call) + element);
}

}  // namespace multiprocessing
