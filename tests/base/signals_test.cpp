// Signals that come out of an object, and those that end waits.
#include "multiprocessing/base/signals.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/death.hpp"
#include "base/forked.hpp"
#include "base/interruption.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"

namespace {

using namespace multiprocessing;
using namespace multiprocessing::detail;
using namespace std::chrono_literals;
using base_test::end_of;
using base_test::result_in_fork;

using Handler = void (*)(int);

Handler handler_of(int number) {
  struct sigaction action {};
  sigaction(number, nullptr, &action);
  return action.sa_handler;
}

void ignore_quietly(int) {}

/// An action of the program for the length of a scope.
class ActionOf {
 public:
  ActionOf(int number, Handler handler) : number_(number), before_(signal(number, handler)) {}
  ~ActionOf() { signal(number_, before_); }
  ActionOf(const ActionOf&) = delete;
  ActionOf& operator=(const ActionOf&) = delete;

 private:
  int number_;
  Handler before_;
};

bool is_readable(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&entry, 1, 0) == 1;
}

TEST(SignalsTest, ACaughtSignalIsTakenOnce) {
  Signals caught{SIGUSR1, SIGTERM};
  EXPECT_EQ(caught.next(), std::nullopt);
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(caught.wait(10s));
  EXPECT_EQ(caught.next(), SIGTERM);
  EXPECT_EQ(caught.next(), std::nullopt);
}

TEST(SignalsTest, TheLowestNumberComesFirst) {
  Signals caught{SIGTERM, SIGUSR1, SIGINT};
  for (const int number : {SIGTERM, SIGUSR1, SIGINT}) raise(number);
  EXPECT_EQ(caught.next(), SIGINT);
  EXPECT_EQ(caught.next(), SIGUSR1);
  EXPECT_EQ(caught.next(), SIGTERM);
  EXPECT_EQ(caught.next(), std::nullopt);
}

TEST(SignalsTest, EachOfSeveralObjectsHasASignal) {
  Signals one{SIGUSR1, SIGUSR2};
  Signals other{SIGUSR1};
  raise(SIGUSR1);
  raise(SIGUSR2);
  EXPECT_EQ(other.next(), SIGUSR1);
  EXPECT_EQ(other.next(), std::nullopt);
  EXPECT_EQ(one.next(), SIGUSR1);
  EXPECT_EQ(one.next(), SIGUSR2);
}

TEST(SignalsTest, TheDescriptorIsReadableWhileASignalWaits) {
  Signals caught{SIGUSR1, SIGUSR2};
  EXPECT_FALSE(is_readable(caught.fileno()));
  raise(SIGUSR1);
  raise(SIGUSR2);
  EXPECT_TRUE(is_readable(caught.fileno()));
  (void)caught.next();
  EXPECT_TRUE(is_readable(caught.fileno()));
  (void)caught.next();
  EXPECT_FALSE(is_readable(caught.fileno()));
}

TEST(SignalsTest, AWaitLastsAtLeastItsTimeout) {
  Signals caught{SIGUSR1};
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(caught.wait(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
}

TEST(SignalsTest, ASignalThatAnotherThreadTakesEndsAWait) {
  Signals caught{SIGUSR1};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  std::thread sender;
  {
    std::thread other([&] {
      pthread_sigmask(SIG_BLOCK, &set, nullptr);
      EXPECT_TRUE(caught.wait());
    });
    kill(getpid(), SIGUSR1);
    other.join();
  }
  EXPECT_EQ(caught.next(), SIGUSR1);
}

TEST(SignalsTest, ActionsAreAsBeforeWhenTheLastObjectIsGone) {
  for (const Handler before : {SIG_DFL, SIG_IGN, &ignore_quietly}) {
    const ActionOf action{SIGUSR1, before};
    std::optional<Signals> first{std::in_place, std::initializer_list<int>{SIGUSR1}};
    std::optional<Signals> second{std::in_place, std::initializer_list<int>{SIGUSR1, SIGUSR2}};
    EXPECT_NE(handler_of(SIGUSR1), before);
    first.reset();
    EXPECT_NE(handler_of(SIGUSR1), before);
    raise(SIGUSR1);
    EXPECT_EQ(second->next(), SIGUSR1);
    second.reset();
    EXPECT_EQ(handler_of(SIGUSR1), before);
    EXPECT_EQ(handler_of(SIGUSR2), SIG_DFL);
  }
}

TEST(SignalsTest, AHandlerThatTheProgramSetMeanwhileStays) {
  const ActionOf action{SIGUSR1, SIG_DFL};
  {
    Signals caught{SIGUSR1};
    signal(SIGUSR1, ignore_quietly);
  }
  EXPECT_EQ(handler_of(SIGUSR1), &ignore_quietly);
}

TEST(SignalsTest, TheMaskStaysAsItIs) {
  const auto mask = [] {
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, nullptr, &set);
    std::vector<int> blocked;
    for (int number = 1; number < _NSIG; ++number)
      if (sigismember(&set, number) == 1) blocked.push_back(number);
    return blocked;
  };
  const auto before = mask();
  Signals caught{SIGUSR1};
  caught.interrupt_waits();
  EXPECT_EQ(mask(), before);
  raise(SIGUSR1);
  EXPECT_THROW(check_interruption(), Interrupted);
  EXPECT_EQ(mask(), before);
}

TEST(SignalsTest, WhatCannotBeCaughtIsRefused) {
  for (const int number : {0, -1, 65, 32, SIGKILL, SIGSTOP, SIGSEGV, SIGABRT, SIGILL})
    EXPECT_THROW((Signals{SIGUSR1, number}), ValueError) << number;
  EXPECT_EQ(handler_of(SIGUSR1), SIG_DFL);
}

// ---- children

/// Makes a child without fork(3): no handler of pthread_atfork runs.
pid_t clone_raw() { return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }

TEST(SignalsTest, AChildHasTheActionsFromBefore) {
  Signals caught{SIGUSR1};
  const ActionOf ignored{SIGUSR2, SIG_IGN};
  Signals more{SIGUSR2};
  EXPECT_EQ(result_in_fork([] {
              raise(SIGUSR2);
              raise(SIGUSR1);
              return 0;
            }),
            -SIGUSR1);
  const pid_t child = clone_raw();
  if (child == 0) {
    kill(static_cast<pid_t>(syscall(SYS_getpid)), SIGUSR2);
    kill(static_cast<pid_t>(syscall(SYS_getpid)), SIGUSR1);
    _exit(0);
  }
  EXPECT_EQ(end_of(child), -SIGUSR1);
  EXPECT_EQ(caught.next(), std::nullopt);
}

TEST(SignalsTest, AnInheritedObjectHasNoEffectInAChild) {
  Signals caught{SIGUSR1};
  caught.interrupt_waits();
  raise(SIGUSR1);
  EXPECT_EQ(result_in_fork([&] {
              check_interruption();
              const bool none = !caught.next() && !caught.wait(0s) && caught.fileno() == -1;
              caught.~Signals();
              signal(SIGUSR1, ignore_quietly);
              Signals own{SIGUSR1};
              own.interrupt_waits();
              raise(SIGUSR1);
              try {
                check_interruption();
              } catch (const Interrupted& interrupted) {
                return none && interrupted.signal == SIGUSR1 ? 7 : 1;
              }
              return 2;
            }),
            7);
  EXPECT_EQ(caught.next(), SIGUSR1);
}

// ---- interruption

TEST(InterruptionTest, OnlyTheThreadThatAskedIsInterrupted) {
  Signals caught{SIGUSR1};
  check_interruption();
  raise(SIGUSR1);
  check_interruption();
  caught.interrupt_waits();
  std::thread([] { check_interruption(); }).join();
  EXPECT_THROW(check_interruption(), Interrupted);
  check_interruption();
}

TEST(InterruptionTest, EachThreadHasAnObjectOfItsOwn) {
  Signals caught{SIGUSR1};
  caught.interrupt_waits();
  std::atomic<bool> ready = false;
  std::atomic<bool> interrupted = false;
  std::thread other([&] {
    Signals its{SIGUSR1};
    its.interrupt_waits();
    ready = true;
    const LifePipe pipe = make_life_pipe();
    try {
      (void)await_readable(pipe.read_end.get(), Deadline::never());
    } catch (const Interrupted&) {
      interrupted = true;
    }
  });
  while (!ready) std::this_thread::yield();
  raise(SIGUSR1);
  EXPECT_THROW(check_interruption(), Interrupted);
  other.join();
  EXPECT_TRUE(interrupted);
}

TEST(InterruptionTest, NothingIsThrownWhileAnExceptionUnwindsTheStack) {
  struct Waits {
    ~Waits() { check_interruption(); }
  };
  Signals caught{SIGUSR1};
  caught.interrupt_waits();
  raise(SIGUSR1);
  try {
    const Waits waits;
    throw 7;
  } catch (int) {
  }
  EXPECT_THROW(check_interruption(), Interrupted);
}

TEST(InterruptionTest, NothingIsThrownWhereAnUninterruptedLives) {
  Signals caught{SIGUSR1};
  caught.interrupt_waits();
  raise(SIGUSR1);
  {
    const Uninterrupted outer;
    const Uninterrupted inner;
    check_interruption();
  }
  EXPECT_THROW(check_interruption(), Interrupted);
}

TEST(InterruptionTest, ASignalOfAnObjectThatIsGoneInterruptsNothing) {
  for (int round = 0; round < 100; ++round) {
    Signals caught{SIGUSR1};
    caught.interrupt_waits();
    raise(SIGUSR1);
  }
  check_interruption();
}

TEST(InterruptionTest, AWaitForTheObjectItselfIsNotInterruptedByIt) {
  Signals caught{SIGUSR1};
  caught.interrupt_waits();
  raise(SIGUSR1);
  EXPECT_TRUE(caught.wait());
  Signals other{SIGUSR2};
  other.interrupt_waits();
  EXPECT_EQ(caught.next(), SIGUSR1);
  raise(SIGUSR2);
  EXPECT_THROW((void)caught.wait(), Interrupted);
}

// The handler has run before the sleep begins, and nothing else ends it.
TEST(InterruptionTest, ASignalBetweenTheLookAndTheSleepIsNoticed) {
  Signals caught{SIGUSR1};
  caught.interrupt_waits();
  const Deadline until = interruptible(Deadline::never());
  raise(SIGUSR1);
  EXPECT_FALSE(until.is_never());
  const LifePipe pipe = make_life_pipe();
  EXPECT_FALSE(wait_readable(pipe.read_end.get(), until));
  EXPECT_THROW((void)interruptible(Deadline::never()), Interrupted);
}

TEST(InterruptionTest, WhatDoesNotSleepIsNotInterrupted) {
  Signals caught{SIGUSR1};
  caught.interrupt_waits();
  raise(SIGUSR1);
  const LifePipe pipe = make_life_pipe();
  EXPECT_FALSE(await_readable(pipe.read_end.get(), Deadline{0s}));
  EXPECT_THROW((void)await_readable(pipe.read_end.get(), Deadline{1h}), Interrupted);
}

}  // namespace
