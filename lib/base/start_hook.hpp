// How a process that was executed to be a child runs its part instead of the user's main.
#pragma once

#include "base/start_up.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// What a marked process runs instead of main, given its birth descriptor; does not return.
/// Set by the module `process` during static initialisation.
using ChildMain = void (*)(int birth_fd);
MULTIPROCESSING_API void set_child_main(ChildMain child_main);

/// The birth descriptor of this process if it was executed to be a child, else -1. Works during
/// static initialisation, before the hook has run.
[[nodiscard]] MULTIPROCESSING_API int birth_descriptor();

/// Whether the hook before main, or freeze_support(), has run in this process. Where it has not, a
/// spawned child would run the user's main again, so start() refuses.
[[nodiscard]] MULTIPROCESSING_API bool start_hook_has_run();

}  // namespace multiprocessing::detail
