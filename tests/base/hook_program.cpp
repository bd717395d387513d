// Built in many ways, see meson.build; with freeze_support() where the hook cannot be.
#include "base/hook_program.hpp"

#include "multiprocessing/base/freeze_support.hpp"

namespace {

const bool registered = [] {
  hook_program::set_child_main(hook_program::child_part);
  hook_program::knew_birth = hook_program::birth_descriptor() >= 0;
  return true;
}();

}  // namespace

int main(int argc, char** argv) {
#ifdef NEEDS_FREEZE_SUPPORT
  multiprocessing::freeze_support();
#endif
  return hook_program::main_part(argc, argv);
}
