// That a wake reaches a thread that sleeps: where MULTIPROCESSING_TEST_LOST_WAKES is set, nothing
// else ends its wait.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "support/lost_wakes.hpp"

namespace test_support {

inline bool is_asleep(pid_t thread) {
  std::ifstream file{"/proc/" + std::to_string(thread) + "/stat"};
  std::string stat{std::istreambuf_iterator<char>{file}, {}};
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.substr(name_end, 3) == ") S";
}

/// Many times in a row: it may have slept for something else before.
inline void wait_until_asleep(pid_t thread) {
  for (int times = 0; times < 100; times = is_asleep(thread) ? times + 1 : 0)
    std::this_thread::yield();
}

/// A thread that waits, and sleeps when the constructor returns.
class Sleeper {
 public:
  template <class Wait>
  explicit Sleeper(Wait wait)
      : thread_([this, wait] {
          number_ = gettid();
          wait();
        }) {
    while (number_.load() == 0) std::this_thread::yield();
    wait_until_asleep();
  }
  ~Sleeper() { thread_.join(); }
  Sleeper(const Sleeper&) = delete;

  void wait_until_asleep() const { test_support::wait_until_asleep(number_); }

 private:
  std::atomic<pid_t> number_{0};
  std::thread thread_;
};

/// A thread waits; when it sleeps, `wake` is to end that.
template <class Wait, class Wake>
void expect_woken(Wait wait, Wake wake) {
  wait_until_strict();
  const Sleeper sleeper{wait};
  wake();
}

}  // namespace test_support
