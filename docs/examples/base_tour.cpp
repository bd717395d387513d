// Errors, time-outs and the log, with nothing but the module base.
#include <multiprocessing/base.hpp>

#include <chrono>
#include <iostream>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// [guard]
// A wait of ours, made of any duration; Python's timeout=None is the default.
void fetch(mp::Timeout timeout = mp::Timeout::forever) {
  mp::get_logger().info("waiting for an answer");
  if (!timeout.is_forever()) throw mp::TimeoutError{"no answer in time"};
}

int main() {
  mp::log_to_stderr(mp::LogLevel::info);  // [INFO/MainProcess] waiting for an answer
  try {
    fetch(1500ms);
  } catch (const mp::ProcessError& error) {  // TimeoutError is one, as in Python
    std::cout << error.what() << " on " << mp::cpu_count() << " processors\n";
  }
}
// [/guard]
