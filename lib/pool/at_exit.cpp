#include "pool/at_exit.hpp"

#include <cstdlib>
#include <mutex>
#include <vector>

#include "pool/pool_core.hpp"

namespace multiprocessing::detail {
namespace {

struct LivePools {
  std::mutex mutex;
  std::vector<PoolCore*> pools;
};
LivePools& live() {
  static auto& pools = *new LivePools;
  return pools;
}

void end_all() {
  std::vector<PoolCore*> pools;
  {
    const std::scoped_lock guard{live().mutex};
    pools = live().pools;
  }
  for (PoolCore* pool : pools) {
    if (!pool->in_creator()) continue;
    pool->terminate();
    pool->join();
  }
}

}  // namespace

void end_at_exit(PoolCore& pool) {
  // Registered after the first child was started, this runs before that child is waited for.
  static const int registered = std::atexit(end_all);
  static_cast<void>(registered);
  const std::scoped_lock guard{live().mutex};
  live().pools.push_back(&pool);
}

void forget_at_exit(PoolCore& pool) {
  const std::scoped_lock guard{live().mutex};
  std::erase(live().pools, &pool);
}

}  // namespace multiprocessing::detail
