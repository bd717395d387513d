// What a child has of the handlers and the mask of its parent.
#include <multiprocessing/process.hpp>

#include <csignal>
#include <iostream>

#include <unistd.h>

namespace mp = multiprocessing;

void say_and_go_on(int) { (void)!write(STDOUT_FILENO, "handled\n", 8); }

// [children]
void wait_for_a_signal() {
  for (;;) pause();
}

int raise_in_child(int signal, mp::ProcessOptions options) {
  mp::Process child{std::move(options), [](int number) { raise(number); }, signal};
  child.start();
  child.join();
  return child.exitcode().value();
}

int main() {
  signal(SIGTERM, say_and_go_on);
  signal(SIGHUP, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  mp::Process child{wait_for_a_signal};
  child.start();
  child.terminate();  // the child has no handler of ours: it ends
  child.join();
  const bool forks = mp::get_start_method() == "fork";
  const bool right = child.exitcode() == -SIGTERM && raise_in_child(SIGTERM, {}) == -SIGTERM &&
                     // Python's way: under fork it goes on after "handled"
                     raise_in_child(SIGTERM, {.keep_handlers = true}) == (forks ? 0 : -SIGTERM) &&
                     raise_in_child(SIGHUP, {}) == 0 &&  // what is ignored stays ignored,
                     raise_in_child(SIGUSR1, {}) == 0;   // and what is blocked, blocked
  std::cout << (right ? "as told" : "otherwise") << '\n';
  return right ? 0 : 1;
}
// [/children]
