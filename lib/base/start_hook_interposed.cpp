// The start hook of dynamically linked programs: _start finds our __libc_start_main before the C
// library's.
#include <dlfcn.h>
#include <unistd.h>

#include "base/main_wrapper.hpp"
#include "base/write_whole.hpp"
#include "multiprocessing/detail/export.hpp"

#ifdef MULTIPROCESSING_HAS_START_HOOK

using multiprocessing::detail::LibcStartMain;
using multiprocessing::detail::Main;

// Weak, so that in a fully static program the C library's own definition wins over this one, which
// has no next one to find there.
extern "C" MULTIPROCESSING_API __attribute__((weak)) int __libc_start_main(
    Main main, int argc, char** argv, int (*initialise)(int, char**, char**), void (*finish)(),
    void (*finish_loader)(), void* stack_end) {
  auto* next = reinterpret_cast<LibcStartMain*>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  if (next == nullptr) {
    multiprocessing::detail::write_whole(
        STDERR_FILENO, "multiprocessing: the C library's __libc_start_main is not to be found\n");
    ::_exit(127);
  }
  return next(multiprocessing::detail::wrap_main(main), argc, argv, initialise, finish,
              finish_loader, stack_end);
}

#endif
