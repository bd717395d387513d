// A host that links nothing of ours: it loads the plug-in named by its first argument, uses it,
// unloads it, and then forks, makes threads and ends. Ends with 0 when all was right.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  for (int round = 0; round < 3; ++round) {
    void* plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == nullptr) return std::fputs(dlerror(), stderr), 2;
    const int wrong = reinterpret_cast<int (*)(int)>(dlsym(plugin, "use"))(round);
    dlclose(plugin);
    const pid_t child = fork();
    if (child == 0) return 0;
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) return 3;
    std::thread([] {}).join();
    if (wrong != 0) return 1;
  }
  return 0;
}
