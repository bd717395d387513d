// Pools that live when the program ends are ended before its children are waited for.
#pragma once

#include <memory>

namespace multiprocessing::detail {

class PoolCore;

void end_at_exit(const std::shared_ptr<PoolCore>& pool);

}  // namespace multiprocessing::detail
