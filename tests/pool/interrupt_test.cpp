// SIGINT in workers, as the terminal sends it.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class InterruptTest : public PoolTest {};
FOR_EVERY_START_METHOD(InterruptTest);

TEST_P(InterruptTest, WorkersOutliveAnInterruptAndGoOnWithTheirTasks) {
  const Counters places;
  mp::Pool pool(2);
  const auto task = [](Counters c) {
    c.raise(0);
    c.wait_for(1, 1);
    return getpid();
  };
  const auto first = pool.apply_async(task, places);
  const auto second = pool.apply_async(task, places);
  places.wait_for(2);
  const auto workers = pool.workers();
  for (int round = 0; round < 3; ++round)
    for (const auto& worker : workers) worker.interrupt();
  places.raise(1);
  EXPECT_NE(first.get(), second.get());
  for (const auto& worker : workers) EXPECT_TRUE(worker.is_alive());
}

int end_of_program(const std::string& program) {
  const int status = std::system(program.c_str());  // NOLINT: it is to be a shell
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int end_of_child() {
  const pid_t child = fork();
  if (child == 0) {
    kill(getpid(), SIGINT);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST_P(InterruptTest, ProgramsAndChildrenOfATaskDieOfIt) {
  mp::Pool pool(1);
  EXPECT_EQ(pool.apply(end_of_program, "exec sh -c 'kill -INT $$; sleep 30'"), -SIGINT);
  EXPECT_EQ(pool.apply(end_of_child), -SIGINT);
}

TEST_P(InterruptTest, ATaskThatInterruptsItselfIsTheDeathOfItsWorker) {
  mp::Pool pool(1);
  try {
    pool.apply([] { raise(SIGINT); });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const mp::WorkerDied& death) {
    EXPECT_EQ(death.exitcode(), -SIGINT);
  }
}

TEST_P(InterruptTest, AWorkerKeepsToIgnoringAnInterruptThatTheProgramIgnores) {
  signal(SIGINT, SIG_IGN);
  mp::Pool pool(1);
  const auto ignored = [] {
    struct sigaction now {};
    sigaction(SIGINT, nullptr, &now);
    return now.sa_handler == SIG_IGN;
  };
  const bool seen = pool.apply(ignored);
  signal(SIGINT, SIG_DFL);
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace pool_test
