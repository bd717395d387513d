// main of every test program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/start_hook.hpp"
#include "support/leak_listener.hpp"
#include "support/watchdog.hpp"

namespace {

pid_t process_of_tests = 0;

/// A failure in a child is in nobody's count: it comes out by the exit code, whatever started it.
class FailuresOfChildren : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed() || getpid() == process_of_tests) return;
    std::fflush(stdout);
    _exit(97);
  }
};
// Before main, which children of spawn do not reach.
[[maybe_unused]] const bool listens = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new FailuresOfChildren);
  return true;
}();

int run_tests(int argc, char** argv) {
  process_of_tests = getpid();
  // A shell has what it runs in the background ignore them, and children would inherit that.
  for (int signal_number : {SIGINT, SIGQUIT}) signal(signal_number, SIG_DFL);
  testing::InitGoogleMock(&argc, argv);
  test_support::leak_listener::install();
  return RUN_ALL_TESTS();
}

// A child that reaches main would run all tests again, and their children as well.
bool is_a_child(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const char* mark = multiprocessing::detail::child_mark;
    if (std::strncmp(argv[i], mark, std::strlen(mark)) == 0) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (is_a_child(argc, argv)) {
    std::fprintf(stderr, "a child process reached main of the test program\n");
    return 96;
  }
  // Under a debugger one wants the tests in the process that was started.
  if (std::getenv("MULTIPROCESSING_TEST_UNSUPERVISED") != nullptr) return run_tests(argc, argv);
  return test_support::run_supervised(run_tests, argc, argv);
}
