// How the two forms of the start hook put themselves before the user's main.
#pragma once

#include <features.h>

// glibc's own start routine, which _start calls with main; other C libraries and powerpc give it
// other parameters, and there freeze_support() is needed.
#if defined(__GLIBC__) && !defined(__powerpc__)
#define MULTIPROCESSING_HAS_START_HOOK 1
#endif

namespace multiprocessing::detail {

using Main = int (*)(int argc, char** argv, char** environment);

/// Remembers the user's main, and is what to call instead.
[[nodiscard]] Main wrap_main(Main program);

using LibcStartMain = int(Main main, int argc, char** argv, int (*initialise)(int, char**, char**),
                          void (*finish)(), void (*finish_loader)(), void* stack_end);

}  // namespace multiprocessing::detail
