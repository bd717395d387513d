// write_whole: a text to a descriptor, for messages that may be lost without an error.
#pragma once

#include <string_view>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Writes all of `text`, by one write(2) where the kernel takes it at once. Errors are dropped, and
/// a reader that is gone does not raise SIGPIPE. Takes no lock and allocates nothing.
MULTIPROCESSING_API void write_whole(int fd, std::string_view text) noexcept;

}  // namespace multiprocessing::detail
