#include "multiprocessing/pool/pool.hpp"

#include <memory>
#include <utility>

#include "pool/executor_pool.hpp"
#include "pool/pool_core.hpp"

namespace multiprocessing {
namespace detail {
namespace {

void serve_plain(Handle board, int seat) { serve(board, seat, {}); }

}  // namespace

std::shared_ptr<PoolCore> PoolCore::make(const PoolOptions& options, WorkerFactory factory,
                                         PoolKind kind) {
  // In a forked child the watcher does not exist and the workers are its parent's: leave it all.
  std::shared_ptr<PoolCore> pool{new PoolCore(options, std::move(factory), kind),
                                 [](PoolCore* core) {
                                   if (core->in_creator()) delete core;
                                 }};
  if (pool->executor_) pool->tasks_->start_by(pool);
  // Executors before all pools, and these by Python's number before the children of this process.
  pool->at_exit_.emplace(pool->executor_ ? 20 : 15, [weak = std::weak_ptr{pool}] {
    const auto living = weak.lock();
    if (living == nullptr) return;
    if (living->executor_)
      living->close();
    else
      living->terminate();
    living->join();
  });
  return pool;
}

std::shared_ptr<PoolCore> make_pool(const PoolOptions& options, WorkerFactory factory) {
  return PoolCore::make(options, std::move(factory), PoolKind::pool);
}

WorkerFactory plain_workers() {
  return [](const Context& context, ProcessOptions named, const Handle& board, int seat) {
    return context.Process(std::move(named), serve_plain, board, seat);
  };
}

}  // namespace detail

Pool::Pool(PoolOptions options) : core_(detail::make_pool(options, detail::plain_workers())) {}

Pool::~Pool() = default;

detail::PoolCore& Pool::core() const {
  if (core_ == nullptr) throw ValueError("the pool was moved from");
  return *core_;
}

void Pool::close() { core().close(); }

void Pool::terminate() { core().terminate(); }

StopReport Pool::stop(Timeout grace) { return core().stop(grace); }

void Pool::join() { core().join(); }

void Pool::resize(int processes) { core().resize(processes); }

PoolStats Pool::stats() const { return core().stats(); }

int Pool::processes() const { return core().processes(); }

std::vector<ProcessHandle> Pool::workers() const { return core().workers(); }

}  // namespace multiprocessing
