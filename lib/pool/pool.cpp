#include "multiprocessing/pool/pool.hpp"

#include "pool/pool_core.hpp"

namespace multiprocessing {

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
