// How a program can end, and what becomes of its objects, exit handlers and children:
//     signals_ends return|Exit|exit|quick_exit|_exit|exception|signal
#include <multiprocessing/base.hpp>
#include <multiprocessing/process.hpp>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

struct Object {
  ~Object() { std::cout << "object destroyed" << std::endl; }
};

// [ends]
void work() {
  std::this_thread::sleep_for(500ms);
  std::cout << "child has finished" << std::endl;
}

void serve() {
  for (;;) pause();
}

void end(const std::string& how) {
  if (how == "Exit") throw mp::Exit{3};
  if (how == "exit") std::exit(3);
  if (how == "quick_exit") std::quick_exit(3);
  if (how == "_exit") _exit(3);
  if (how == "exception") throw std::runtime_error{"nobody catches this"};
  if (how == "signal") raise(SIGTERM);
}

int main(int, char** argv) {
  std::atexit([] { std::cout << "exit handler" << std::endl; });
  const Object object;
  mp::Process child{work};
  child.start();
  mp::Process daemon{{.daemon = true}, serve};
  daemon.start();
  end(argv[1]);
  return 3;
}
// [/ends]
