#include "multiprocessing/futures/process_pool_executor.hpp"

#include <exception>

#include "multiprocessing/base/logging.hpp"
#include "pool/executor_pool.hpp"
#include "pool/pool_core.hpp"

namespace multiprocessing {
namespace {

Context context_for(const ExecutorOptions& options) {
  if (!options.max_tasks_per_child) return options.mp_context ? *options.mp_context : get_context();
  if (*options.max_tasks_per_child < 1)
    throw ValueError("max_tasks_per_child must be at least 1, or not given");
  const Context context = options.mp_context ? *options.mp_context : get_context("spawn");
  if (context.get_start_method() == "fork")
    throw ValueError(
        "max_tasks_per_child does not go with the start method \"fork\"; give another .mp_context");
  return context;
}

PoolOptions checked(const ExecutorOptions& options) {
  if (options.max_workers && *options.max_workers < 1)
    throw ValueError("max_workers must be greater than 0");
  return {.processes = options.max_workers,
          .maxtasksperchild = options.max_tasks_per_child,
          .context = context_for(options),
          .on_worker_death = options.on_worker_death,
          .initializer_timeout = options.initializer_timeout,
          .max_pending = options.max_pending,
          .tokens = options.tokens,
          .log_unseen_failures = options.log_unseen_failures};
}

}  // namespace

ProcessPoolExecutor::ProcessPoolExecutor(const ExecutorOptions& options)
    : ProcessPoolExecutor(options, detail::plain_workers()) {}

ProcessPoolExecutor::ProcessPoolExecutor(const ExecutorOptions& options,
                                         detail::WorkerFactory factory)
    : core_(detail::make_executor(checked(options), std::move(factory))) {}

ProcessPoolExecutor::~ProcessPoolExecutor() {
  if (!core_->in_creator()) return;
  try {
    if (!shut_down_) shutdown();
  } catch (const std::exception& error) {
    get_logger().warning(std::string{"an executor does not wait for its work: "} + error.what());
  }
  if (!core_->has_ended()) detail::PoolCore::finish_alone(std::move(core_));
}

void ProcessPoolExecutor::shutdown(ShutdownOptions options) {
  core_->close();
  shut_down_ = true;
  if (options.cancel_futures) core_->cancel_queued();
  if (options.wait) core_->join();
}

void ProcessPoolExecutor::terminate_workers() { core_->end_workers_now(&Process::terminate); }

void ProcessPoolExecutor::kill_workers() { core_->end_workers_now(&Process::kill); }

PoolStats ProcessPoolExecutor::stats() const { return core_->stats(); }

std::vector<ProcessHandle> ProcessPoolExecutor::workers() const { return core_->workers(); }

}  // namespace multiprocessing
