// The keeper's clients: processes that send and receive ends in messages.
#pragma once

#include <memory>
#include <vector>

#include "arena/message_handles.hpp"
#include "base/deadline.hpp"
#include "multiprocessing/detail/export.hpp"
#include "process/end_fd.hpp"

namespace multiprocessing::detail {

/// Leaves the ends with the family's keeper, which is appointed if there is none. They are kept for
/// as long as a process or message holds the ticket that is returned, or until they are taken. No
/// ticket: that was not done in time. Throws OSError, ProcessError.
[[nodiscard]] MULTIPROCESSING_API Handle leave_ends(std::span<const std::shared_ptr<EndFd>> ends,
                                                    const Deadline& deadline);

/// Takes what was left for the ticket, which can be done once. Throws OSError, SerializationError
/// when it is no ticket, ProcessError when the keeper has died, or is stopped beyond the deadline.
[[nodiscard]] MULTIPROCESSING_API std::vector<std::shared_ptr<EndFd>> take_ends(
    const Handle& ticket, const Deadline& deadline = Deadline::never());

}  // namespace multiprocessing::detail
