#include "multiprocessing/pool/pool.hpp"

#include "pool/pool_core.hpp"

namespace multiprocessing {

Pool::~Pool() = default;

void Pool::close() { core_->close(); }

void Pool::terminate() { core_->terminate(); }

void Pool::join() { core_->join(); }

int Pool::processes() const { return core_->processes(); }

std::vector<ProcessHandle> Pool::workers() const { return core_->workers(); }

}  // namespace multiprocessing
