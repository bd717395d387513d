// What a worker of a pool does at its end, when that is a good one.
#pragma once

#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/reduction/function.hpp"

namespace multiprocessing::detail {

/// Leaves it on the board for all workers. Throws SerializationError when it holds an end of a
/// pipe, which only one of them could have.
void leave_for_the_end(const Handle& board, const Function<void()>& call);

/// In a worker: does that, then lets go of what the worker keeps. What is thrown is logged.
void end_well(const Handle& board);

}  // namespace multiprocessing::detail
