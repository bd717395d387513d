#include "pool/at_exit.hpp"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "pool/pool_core.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

/// The pools of one process. Never destroyed, because other exit handlers may end pools too.
struct LivePools {
  const Creator owner;
  std::mutex mutex;
  std::vector<std::weak_ptr<PoolCore>> pools;
};

// A forked child makes one of its own: that of its parent may be locked for ever.
constinit std::atomic<LivePools*> live{nullptr};

void end_all() {
  LivePools* at = live.load();
  if (at == nullptr || !at->owner.is_this_process()) return;
  std::vector<std::weak_ptr<PoolCore>> pools;
  {
    const std::scoped_lock guard{at->mutex};
    pools.swap(at->pools);
  }
  for (const auto& each : pools) {
    const auto pool = each.lock();
    if (pool == nullptr) continue;
    pool->terminate();
    pool->join();
  }
}

LivePools& live_here() {
  LivePools* at = live.load();
  if (at != nullptr && at->owner.is_this_process()) return *at;
  auto made = std::make_unique<LivePools>();
  if (!live.compare_exchange_strong(at, made.get())) return *at;
  // Registered after the first child was started, this runs before that child is waited for.
  static_cast<void>(std::atexit(end_all));
  return *made.release();
}

}  // namespace

void end_at_exit(const std::shared_ptr<PoolCore>& pool) {
  LivePools& at = live_here();
  const std::scoped_lock guard{at.mutex};
  std::erase_if(at.pools, [](const auto& each) { return each.expired(); });
  at.pools.push_back(pool);
}

}  // namespace multiprocessing::detail
