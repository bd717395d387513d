// A plug-in that brings the library into a program which does not know it.
#include <cstdio>

#include "base/hook_program.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/freeze_support.hpp"

namespace {

const bool registered = [] {
  hook_program::set_child_main(hook_program::child_part);
  hook_program::knew_birth = hook_program::birth_descriptor() >= 0;
  return true;
}();

}  // namespace

extern "C" __attribute__((visibility("default"))) void throw_value_error() {
  throw multiprocessing::ValueError{"from the plug-in"};
}

extern "C" __attribute__((visibility("default"))) int plugin_main(int argc, char** argv,
                                                                  bool frozen) {
  if (frozen) multiprocessing::freeze_support();
  return hook_program::main_part(argc, argv);
}
