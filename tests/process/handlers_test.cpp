// Signal handlers of a program and its children.
#include <signal.h>
#include <unistd.h>

#include "process_suite.hpp"

namespace process_test {
namespace {

class HandlersTest : public ProcessTest {};
FOR_EVERY_START_METHOD(HandlersTest);

void leave_with_7(int) { _exit(7); }

/// A handler of the program for the length of a scope.
class Handled {
 public:
  explicit Handled(int number) : number_(number) {
    struct sigaction action {};
    action.sa_handler = leave_with_7;
    sigaction(number, &action, &before_);
  }
  ~Handled() { sigaction(number_, &before_, nullptr); }
  Handled(const Handled&) = delete;
  Handled& operator=(const Handled&) = delete;

 private:
  int number_;
  struct sigaction before_ {};
};

void raise_in_child(int number) {
  raise(number);
  _exit(0);
}

TEST_P(HandlersTest, AChildBeginsWithDefaultHandlers) {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) {
    const Handled handled{number};
    EXPECT_EQ(run_in_child(raise_in_child, number), -number);
  }
}

TEST_P(HandlersTest, TerminateEndsAChildOfAProgramThatHandlesSigterm) {
  const Handled handled{SIGTERM};
  mp::Process child{entry::wait_for_ever};
  child.start();
  child.terminate();
  child.join();
  EXPECT_EQ(child.exitcode(), -SIGTERM);
}

TEST_P(HandlersTest, AChildKeepsHandlersUnderForkWhereItIsToldTo) {
  const Handled handled{SIGUSR1};
  mp::Process child{{.keep_handlers = true}, raise_in_child, SIGUSR1};
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), forks() ? 7 : -SIGUSR1);
}

TEST_P(HandlersTest, TheMaskOfAProgramIsAsBeforeItsStarts) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &set, &before);
  const auto target = [] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    _exit(sigismember(&mask, SIGUSR2) + 2 * sigismember(&mask, SIGTERM));
  };
  EXPECT_EQ(run_in_child(target), 1);
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, &before, &after);
  EXPECT_EQ(sigismember(&after, SIGUSR2), 1);
  EXPECT_EQ(sigismember(&after, SIGTERM), 0);
}

}  // namespace
}  // namespace process_test
