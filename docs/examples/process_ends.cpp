// How children end, and what is known of it.
#include <multiprocessing/process.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>

#include <signal.h>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

template <class F>
int exitcode_of(F target) {
  mp::Process process{target};
  process.start();
  process.join();
  return process.exitcode().value();
}

// [ends]
void sleep_long() { std::this_thread::sleep_for(10min); }

bool ends_are_known() {
  mp::Process sleeper{sleep_long};
  sleeper.start();
  const bool still_there = !sleeper.join(10ms) && sleeper.is_alive();
  sleeper.terminate();
  sleeper.join();
  return still_there && sleeper.exitcode() == -SIGTERM && exitcode_of([] {}) == 0 &&  // it returned
         exitcode_of([] { throw mp::Exit{7}; }) == 7 &&                               // sys.exit(7)
         exitcode_of([] { std::exit(8); }) == 8 &&                                    //
         exitcode_of([] { raise(SIGSEGV); }) == -SIGSEGV &&                           // it crashed
         exitcode_of([] { throw std::runtime_error{"a report on stderr"}; }) == 1;
}
// [/ends]

int main() { return ends_are_known() ? 0 : 1; }
