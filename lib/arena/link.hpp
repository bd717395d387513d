// Link: a word by which something in shared memory holds an object.
#pragma once

#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// A word in shared memory by which its surroundings hold an object, or own a block. Written only
/// by the functions of message_handles.hpp and blocks.hpp. 0: nothing.
using Link = std::atomic<std::uint64_t>;

}  // namespace multiprocessing::detail
