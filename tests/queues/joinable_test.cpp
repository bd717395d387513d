// JoinableQueue: waiting until everything has been worked off, or somebody has died with it.
#include <signal.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "base/fail_point.hpp"
#include "queue_suite.hpp"

namespace queues_test {
namespace {

class JoinableTest : public QueueTest {};
FOR_EVERY_START_METHOD(JoinableTest);

using Tasks = mp::JoinableQueue<std::optional<int>>;

void work(Tasks tasks) {
  while (tasks.get()) tasks.task_done();
  tasks.task_done();
}

// CPython: _TestQueue.test_task_done
TEST_P(JoinableTest, JoinReturnsWhenFourWorkersHaveDoneTen) {
  const Tasks tasks;
  std::vector<mp::Process> workers;
  for (int i = 0; i < 4; ++i) workers.push_back(started(work, tasks));
  for (int i = 0; i < 10; ++i) tasks.put(i);
  tasks.join();
  EXPECT_TRUE(tasks.empty());
  for (int i = 0; i < 4; ++i) tasks.put(std::nullopt);
  for (auto& worker : workers) expect_end(worker);
  tasks.join();
}

TEST_P(JoinableTest, TaskDoneCannotBeCalledMoreOftenThanThereAreTasks) {
  const mp::JoinableQueue<int> queue;
  EXPECT_THROW(queue.task_done(), mp::ValueError);
  queue.put(1);
  queue.task_done();  // without having got it, as in Python
  EXPECT_THROW(queue.task_done(), mp::ValueError);
  EXPECT_TRUE(queue.join(0s));
}

TEST_P(JoinableTest, W26JoinLooksAgainWhenTasksWerePutMeanwhile) {
  const mp::JoinableQueue<int> queue;
  queue.put(0);
  auto worker = started(
      [](mp::JoinableQueue<int> q) {
        for (int i = 0; i < 200; ++i) {
          const int number = q.get();
          if (number < 199) q.put(number + 1);
          q.task_done();
        }
      },
      queue);
  queue.join();
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.join(0s));
  expect_end(worker);
}

TEST_P(JoinableTest, JoinWaitsNoLongerThanAsked) {
  const mp::JoinableQueue<int> queue;
  queue.put(1);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(queue.join(100ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 100ms);
}

TEST_P(JoinableTest, JoinNamesTheDeadUntilSomebodyAnswersForThem) {
  const mp::JoinableQueue<std::string> queue;
  auto doomed = started(
      [](mp::JoinableQueue<std::string> q) {
        q.get();
        q.task_done();
        q.get();
        q.get();
        raise(SIGKILL);
      },
      queue);
  const pid_t pid = *doomed.pid();
  for (const char* text : {"a", "b", "c"}) queue.put(text);
  for (int round = 0; round < 2; ++round) {
    try {
      queue.join();
      ADD_FAILURE() << "the death went unnoticed";
    } catch (const mp::WorkerDied& error) {
      EXPECT_EQ(error.pid(), pid);
      EXPECT_EQ(error.exitcode(), -SIGKILL);
      EXPECT_EQ(error.what(), "'" + doomed.name() + "' (process " + std::to_string(pid) +
                                  ") was killed by SIGKILL with 2 messages that it had got and not "
                                  "finished");
    }
  }
  doomed.join();
  queue.task_done();
  EXPECT_THROW(queue.join(), mp::WorkerDied);
  queue.task_done();
  queue.join();
}

TEST_P(JoinableTest, ADeathWithNothingInHandIsNoMatter) {
  const Tasks tasks;
  for (int round = 0; round < 5; ++round) {
    auto worker = started(
        [](Tasks t) {
          for (int i = 0; i < 3; ++i) {
            t.get();
            t.task_done();
          }
          raise(SIGKILL);
        },
        tasks);
    for (int i = 0; i < 3; ++i) tasks.put(i);
    tasks.join();
    worker.join();
  }
  EXPECT_TRUE(tasks.join(0s));
}

TEST_P(JoinableTest, AKillBetweenGettingAndBookingIsBooked) {
  for (const char* point : {"queue.get.freed", "queue.get.before_end", "queue.get.copied",
                            "queue.pending.begun", "queue.get.before_wake"}) {
    SCOPED_TRACE(point);
    const mp::JoinableQueue<int> queue;
    queue.put(1);
    auto doomed = started(
        [](mp::JoinableQueue<int> q, std::string where) {
          mp::detail::arm_fail_point(where);
          q.get();
        },
        queue, std::string(point));
    doomed.join();
    EXPECT_EQ(doomed.exitcode(), -SIGKILL);
    if (queue.try_get()) {  // it died before it had it
      queue.task_done();
      queue.join();
    } else {
      EXPECT_THROW(queue.join(), mp::WorkerDied);
    }
  }
}

TEST_P(JoinableTest, HundredsOfProcessesMayTakePart) {
  const Tasks tasks;
  const int rounds = asked("MULTIPROCESSING_TEST_CHILDREN", 96) / 8;
  for (int round = 0; round < rounds; ++round) {
    std::vector<mp::Process> workers;
    for (int i = 0; i < 8; ++i) workers.push_back(started(work, tasks));
    for (int i = 0; i < 20; ++i) tasks.put(i);
    for (int i = 0; i < 8; ++i) tasks.put(std::nullopt);
    for (auto& worker : workers) expect_end(worker);
    tasks.join();
  }
}

}  // namespace
}  // namespace queues_test
