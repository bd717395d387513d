// What the programs for the tests of the start hook do: spawn themselves once and tell.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>

#include "base/death.hpp"
#include "base/interruption.hpp"
#include "base/spawning.hpp"
#include "base/start_hook.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/exit.hpp"

namespace hook_program {

using namespace multiprocessing::detail;

/// Sends "NAME, birth known to static constructors: 0 or 1" to the parent and ends with 7.
inline bool knew_birth = false;
inline void child_part(int birth_fd) {
  char name[17] = {};
  prctl(PR_GET_NAME, name);
  const std::string text = std::string{name} + ", static constructors know: " +
                           std::to_string(static_cast<int>(knew_birth));
  _exit(write(birth_fd, text.data(), text.size()) > 0 ? 7 : 8);
}

inline int spawn_once() {
  LifePipe pipe = make_life_pipe();
  const std::string arguments[] = {child_mark + std::to_string(pipe.write_end.get())};
  const int descriptors[] = {pipe.write_end.get()};
  const Spawned child = spawn_program(arguments, descriptors);
  pipe.write_end.reset();
  char text[100] = {};
  const bool heard = read(pipe.read_end.get(), text, sizeof text - 1) > 0;
  (void)wait_readable(child.pidfd.get(), Deadline::never());
  const int code = reap(child.pidfd.get(), child.pid).exitcode;
  printf("child: %s\nended %d\n", text, code);
  return heard && code == 7 ? 0 : 1;
}

/// Changes the file of the program as `how` tells, or the folder.
inline void change(const std::string& how, const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  if (how == "rename") fs::rename(file, file.string() + ".old");
  if (how == "delete" || how == "replace") fs::remove(file);
  if (how == "replace") fs::copy_file("/bin/false", file);
  if (how == "chdir") fs::current_path("/");
}

/// Tells that it was unwound, or that statics were destroyed.
struct Teller {
  const char* text;
  ~Teller() { printf("%s\n", text); }
};

/// Ends main by an exception.
[[noreturn]] inline void leave_by(const std::string& what) {
  static const Teller at_exit{"static destroyed"};
  const Teller unwound{"unwound"};
  if (what == "exit") throw multiprocessing::Exit{256 + 7};
  if (what == "interrupted") {
    multiprocessing::Signals caught{SIGTERM};
    caught.interrupt_waits();
    raise(SIGTERM);
    check_interruption();
  }
  throw 7;
}

inline int main_part(int argc, char** argv) {
  if (argc > 1 && (std::string{argv[1]} == "exit" || std::string{argv[1]} == "throw" ||
                   std::string{argv[1]} == "interrupted"))
    leave_by(argv[1]);
  printf("main, hook has run: %d\n", start_hook_has_run());
  fflush(stdout);
  if (!start_hook_has_run()) return 3;
  try {
    if (argc > 1) change(argv[1], argv[0]);
    return spawn_once();
  } catch (const std::exception& error) {
    fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}

}  // namespace hook_program
