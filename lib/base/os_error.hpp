// One way to turn errno into an exception.
#pragma once

#include <string_view>

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {

/// Throws the `OSError` (or its subclass for ENOENT, EEXIST, EPIPE, ECONNREFUSED, ECONNRESET) for
/// errno, with the call and the thing: "shm_open /mp-1f3a: No such file or directory".
[[noreturn]] MULTIPROCESSING_API void throw_os_error(std::string_view call,
                                                     std::string_view thing = {});

/// The same for an error number that came by another way than errno.
[[noreturn]] MULTIPROCESSING_API void throw_os_error(int error, std::string_view call,
                                                     std::string_view thing = {});

}  // namespace multiprocessing::detail
