// The watchdog: a test that hangs is shown, and ended with everything it started.
#pragma once

#include <chrono>

namespace test_support {

/// By how much a test may be slower than on a quiet machine: 1, and 10 under a sanitizer or
/// valgrind; times MULTIPROCESSING_TEST_PATIENCE where that is set. Multiply deadlines with it.
[[nodiscard]] double patience();

/// Whether this program is built with a sanitizer of addresses or threads.
[[nodiscard]] bool sanitized();

/// Allows the rest of its scope another time than the 60 s that every test has.
///
/// The watching is done by the parent of the test process, so that a test process has one thread
/// unless the test makes more. On expiry it shows where every process of the test stands, kills
/// them all and ends the program with status 1. Times are multiplied with patience().
class Watchdog {
 public:
  explicit Watchdog(std::chrono::seconds allowed);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  long long previous_;  // the deadline outside this scope
};

/// Runs `tests` in a child under supervision and returns the exit status for this program. What the
/// tests leave running when they end is named, killed, and makes the status 1.
int run_supervised(int (*tests)(int argc, char** argv), int argc, char** argv);

/// Starts the default time for the test `name`; the listener in main.cpp calls it.
void watch_test(const char* name);

/// The process that supervises this one: orphans of a test become its children. 0 when nobody does.
[[nodiscard]] int supervisor();

}  // namespace test_support
