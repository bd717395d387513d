// Pools that live when the program ends are ended before its children are waited for.
#pragma once

namespace multiprocessing::detail {

class PoolCore;

void end_at_exit(PoolCore& pool);
void forget_at_exit(PoolCore& pool);

}  // namespace multiprocessing::detail
