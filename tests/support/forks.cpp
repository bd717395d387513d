// A child that is forked while another thread allocates finds AddressSanitizer's allocator locked
// for ever (up to clang 16), where that of the C library is not. So its locks are taken for the
// time of a fork, after all that other handlers do before it, which may allocate.
#include <pthread.h>

#if defined(__clang__)
#if __has_feature(address_sanitizer) && __clang_major__ < 17

namespace __lsan {
void LockThreadRegistry();
void UnlockThreadRegistry();
void LockAllocator();
void UnlockAllocator();
}  // namespace __lsan
namespace __sanitizer {
void StackDepotLockAll();
void StackDepotUnlockAll();
}  // namespace __sanitizer

namespace {

__attribute__((no_sanitize("address", "undefined"))) void before_fork() {
  __lsan::LockThreadRegistry();
  __lsan::LockAllocator();
  __sanitizer::StackDepotLockAll();
}

__attribute__((no_sanitize("address", "undefined"))) void after_fork() {
  __sanitizer::StackDepotUnlockAll();
  __lsan::UnlockAllocator();
  __lsan::UnlockThreadRegistry();
}

__attribute__((no_sanitize("address", "undefined"))) void register_handlers() {
  (void)pthread_atfork(before_fork, after_fork, after_fork);
}

// Handlers that are registered first run last before a fork and first after it; libraries have
// registered theirs when the constructors of a program run.
__attribute__((section(".preinit_array"), used)) void (*const first)() = register_handlers;

}  // namespace

#endif
#endif
