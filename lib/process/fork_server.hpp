// The fork server: a clean copy of this program, with one thread, that forks on request.
#pragma once

#include "process/preparation.hpp"

namespace multiprocessing::detail {

/// Instead of main in the server: answers requests until no process is left that could make one.
[[noreturn]] void serve_forks(const ServerPreparation& told);

}  // namespace multiprocessing::detail
