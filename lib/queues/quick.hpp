// The short way of a put or get: records that are all alike, a free lock, room or a message known
// of. It says false, with nothing done, where anything else is to be seen to.
#pragma once

#include "queues/body.hpp"

namespace multiprocessing::detail {

[[nodiscard]] bool put_quickly(QueueBody& body, const void* value);
/// `more`: it is not the last one that is known of.
[[nodiscard]] bool get_quickly(QueueBody& body, void* into, bool& more);

}  // namespace multiprocessing::detail
