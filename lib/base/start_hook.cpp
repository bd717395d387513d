#include "base/start_hook.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "base/interruption.hpp"
#include "base/main_wrapper.hpp"
#include "base/write_whole.hpp"
#include "multiprocessing/base/exit.hpp"
#include "multiprocessing/base/freeze_support.hpp"

namespace multiprocessing::detail {
namespace {

constinit std::atomic<ChildMain> child_main{nullptr};
constinit std::atomic<bool> has_run{false};
constinit Main user_main = nullptr;

// The user's main is not entered, and nothing above handles exceptions, so: words and the exit
// code 1.
[[noreturn]] void refuse(const std::string& reason) {
  write_whole(STDERR_FILENO, "multiprocessing: " + reason + "\n");
  ::_exit(1);
}

void run_child_if_marked() {
  const Mark& mark = own_mark();
  if (mark.kind == Mark::none) return;
  if (mark.kind == Mark::unusable)
    refuse(std::string{"the argument "} + mark.text +
           " is for children that this library starts, and names no open descriptor here; start "
           "the program without it");
  const ChildMain run = child_main.load();
  if (run == nullptr)
    refuse(
        "this program was started to be a child process, but the module that runs children, "
        "multiprocessing-process, is not linked into it");
  run(mark.birth_fd);
  refuse("the child's part returned instead of ending the process");
}

// A user's `int main()` is called with three arguments, as the C library does it.
__attribute__((no_sanitize("undefined"))) int run_child_or_main(int argc, char** argv,
                                                                char** environment) {
  has_run = true;
  run_child_if_marked();
  // No other handler: any other exception ends the program where it is thrown, as without the hook.
  try {
    return user_main(argc, argv, environment);
  } catch (const Exit& exit) {
    return exit.code & 0xff;
  } catch (const Interrupted& interrupted) {
    end_by(interrupted.signal);
    return 128 + interrupted.signal;  // what a shell makes of it, for exit handlers that look
  }
}

// The last that runs of this library, behind what the program and other modules do at their ends.
__attribute__((destructor(101))) void die_if_interrupted() {
  if (ending_signal() == 0) return;
  try {
    for (std::ostream* stream : {&std::cout, &std::cerr, &std::clog}) stream->flush();
  } catch (const std::exception&) {  // it has been told to throw
  }
  (void)std::fflush(nullptr);
  die_of(ending_signal());
}

}  // namespace

void set_child_main(ChildMain run) { child_main = run; }

int birth_descriptor() { return own_mark().birth_fd; }

bool start_hook_has_run() { return has_run; }

Main wrap_main(Main program) {
  // Both forms of the hook may be linked; the inner one is given the wrapper already.
  if (program != run_child_or_main) user_main = program;
  return run_child_or_main;
}

}  // namespace multiprocessing::detail

namespace multiprocessing {

void freeze_support() {
  detail::has_run = true;
  detail::run_child_if_marked();
}

}  // namespace multiprocessing
