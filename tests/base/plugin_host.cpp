// Knows nothing of the library; loads the plug-in, with "unfrozen" without freeze_support().
#include <dlfcn.h>

#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
  void* plugin = dlopen(BASE_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  auto* run = reinterpret_cast<int (*)(int, char**, bool)>(dlsym(plugin, "plugin_main"));
  return run(argc, argv, argc < 2 || std::strcmp(argv[1], "unfrozen") != 0);
}
