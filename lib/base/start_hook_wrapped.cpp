// The start hook of fully static programs, which link with -Wl,--wrap=__libc_start_main.
#include "base/main_wrapper.hpp"

#ifdef MULTIPROCESSING_HAS_START_HOOK

using multiprocessing::detail::Main;

// Weak, because without --wrap there is none; nothing calls us then.
extern "C" __attribute__((weak)) int __real___libc_start_main(
    Main main, int argc, char** argv, int (*initialise)(int, char**, char**), void (*finish)(),
    void (*finish_loader)(), void* stack_end);

extern "C" int __wrap___libc_start_main(Main main, int argc, char** argv,
                                        int (*initialise)(int, char**, char**), void (*finish)(),
                                        void (*finish_loader)(), void* stack_end) {
  return __real___libc_start_main(multiprocessing::detail::wrap_main(main), argc, argv, initialise,
                                  finish, finish_loader, stack_end);
}

#endif
