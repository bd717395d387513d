// Nobody waits for the gone: what puts and join() say when the last reader has ended or was killed.
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "base/fail_point.hpp"
#include "queue_suite.hpp"
#include "support/processes.hpp"

namespace queues_test {
namespace {

class GoneTest : public QueueTest {};
FOR_EVERY_START_METHOD(GoneTest);

using Tasks = mp::JoinableQueue<int>;
using Numbers = mp::Queue<int>;

constexpr const char* reader_s_name = "a reader";

void wait_for_ever() {
  for (;;) pause();
}

void expect_names(const std::exception& error, const mp::Process& process, const std::string& how) {
  const std::string text = error.what();
  EXPECT_NE(text.find("'" + process.name() + "' (process " + std::to_string(*process.pid()) + ")"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(how), std::string::npos) << text;
}

void expect_broken(const std::function<void()>& put, const mp::Process& reader,
                   const std::string& how) {
  try {
    put();
    ADD_FAILURE() << "it did not throw";
  } catch (const mp::BrokenPipeError& error) {
    EXPECT_EQ(error.code().value(), EPIPE);
    expect_names(error, reader, how);
  }
}

void expect_died(const Tasks& tasks, const mp::Process& process, int code, const std::string& how) {
  try {
    tasks.join();
    ADD_FAILURE() << "the death went unnoticed";
  } catch (const mp::WorkerDied& error) {
    EXPECT_EQ(error.pid(), *process.pid());
    EXPECT_EQ(error.exitcode(), code);
    expect_names(error, process, how);
  }
}

mp::Process reads_one(const Numbers& queue, const mp::Queue<int>& told, bool then_waits) {
  return started(
      mp::ProcessOptions{.name = reader_s_name},
      [](const mp::QueueReader<int>& reader, mp::Queue<int> tell, bool waits) {
        tell.put(reader.get());
        if (waits) wait_for_ever();
      },
      queue.reader(), told, then_waits);
}

TEST_P(GoneTest, APutThatWaitsForRoomSeesThatTheLastReaderWasKilled) {
  const Numbers queue(1);
  const mp::Queue<int> told;
  auto reader = reads_one(queue, told, true);
  queue.put(1);
  EXPECT_EQ(told.get(), 1);
  queue.put(2);
  EXPECT_FALSE(queue.try_put(3, 10ms)) << "it lives";
  auto killer = started([](mp::ProcessHandle whom) { whom.kill(); }, reader.handle());
  expect_broken([&] { queue.put(3); }, reader, "was killed by SIGKILL");
  expect_broken([&] { queue.put(3, 60s); }, reader, "was killed by SIGKILL");
  expect_broken([&] { queue.put_nowait(3); }, reader, "was killed by SIGKILL");
  expect_broken([&] { (void)queue.try_put(3); }, reader, "was killed by SIGKILL");
  expect_broken([&] { queue.put_range({3, 4}); }, reader, "was killed by SIGKILL");
  expect_broken([&] { queue.writer().put(3); }, reader, "was killed by SIGKILL");
  EXPECT_EQ(queue.get(), 2) << "what is there can be got still";
  queue.put(5);
  reader.join();
  expect_end(killer);
}

TEST_P(GoneTest, APutThatWaitsForRoomSeesThatTheLastReaderHasEnded) {
  const Numbers queue(1);
  const mp::Queue<int> told;
  auto reader = reads_one(queue, told, false);
  queue.put(1);
  EXPECT_EQ(told.get(), 1);
  queue.put(2);
  expect_broken([&] { queue.put(3); }, reader, "exited with code 0");
  expect_end(reader);
}

TEST_P(GoneTest, AProducerInAChildIsReleasedToo) {
  const mp::Queue<std::string> queue(2);
  auto reader = started(
      [](mp::QueueReader<std::string> r) {
        r.get();
        raise(SIGKILL);
      },
      queue.reader());
  auto producer = started(
      [](mp::Queue<std::string> q) {
        try {
          for (;;) q.put(std::string(10000, 'x'));
        } catch (const mp::BrokenPipeError&) {
          throw mp::Exit{7};
        }
      },
      queue);
  expect_end(reader, -SIGKILL);
  expect_end(producer, 7);
}

TEST_P(GoneTest, WhoWaitsGoesOnWhileAnotherReaderIsLeft) {
  const Numbers queue(1);
  const mp::Queue<int> told;
  auto first = reads_one(queue, told, true);
  queue.put(1);
  EXPECT_EQ(told.get(), 1);
  auto second = started(
      [](mp::QueueReader<int> reader, mp::Queue<int> go, mp::Queue<int> sums) {
        go.get();
        int sum = 0;
        for (int i = 0; i < 3; ++i) sum += reader.get();
        sums.put(sum);
      },
      queue.reader(), told, told);
  first.kill();
  first.join();
  queue.put(2);
  EXPECT_FALSE(queue.try_put(3, 10ms));
  told.put(0);
  while (!told.empty()) sched_yield();
  queue.put(3);
  queue.put(4);
  EXPECT_EQ(told.get(), 9);
  expect_end(second);
}

TEST_P(GoneTest, PutsWaitWhileThereHasBeenNoReaderYet) {
  const Numbers queue(1);
  queue.put(1);
  EXPECT_FALSE(queue.try_put(2, 10ms));
  EXPECT_THROW(queue.put_nowait(2), mp::Full);
  mp::QueueReader<int> reader = queue.reader();
  EXPECT_FALSE(queue.try_put(2, 10ms)) << "there is one";
  const mp::QueueReader<int> copy = reader;
  reader.close();
  EXPECT_THROW((void)reader.get(), mp::ValueError);
  EXPECT_FALSE(queue.try_put(2, 10ms)) << "a copy is left";
  EXPECT_EQ(copy.get(), 1);
}

TEST_P(GoneTest, AReaderInAMessageCounts) {
  const Numbers queue(1);
  const mp::Queue<mp::QueueReader<int>> post;
  post.put(queue.reader());
  queue.put(1);
  EXPECT_FALSE(queue.try_put(2, 10ms)) << "it is on its way";
  EXPECT_EQ(post.get().get(), 1);
  queue.put(1);
  EXPECT_THROW((void)queue.try_put(2), mp::BrokenPipeError);
}

void work(const mp::QueueReader<int>& tasks, mp::Queue<int> idle) {
  for (const int task : tasks) {
    (void)task;
    tasks.task_done();
    idle.put(1);
  }
}

TEST_P(GoneTest, JoinSeesThatTheLastReaderWasKilledWhileItWasIdle) {
  const Tasks tasks;
  const mp::Queue<int> idle;
  auto worker = started(mp::ProcessOptions{.name = "idler"}, work, tasks.reader(), idle);
  tasks.put(1);
  idle.get();
  tasks.join();
  worker.kill();
  worker.join();
  tasks.put(2);
  expect_died(tasks, worker, -SIGKILL, "was killed by SIGKILL, and no reader of the queue is left");
  expect_died(tasks, worker, -SIGKILL, "for 1 message");
  EXPECT_THROW((void)tasks.join(10s), mp::WorkerDied);
  EXPECT_EQ(tasks.get(), 2);
  tasks.task_done();
  tasks.join();
}

TEST_P(GoneTest, JoinOfOneThatIsNotTheParentSeesItToo) {
  const Tasks tasks;
  const mp::Queue<int> idle;
  auto worker = started(work, tasks.reader(), idle);
  tasks.put(1);
  idle.get();
  auto joiner = started(
      [](Tasks all, mp::ProcessHandle whom) {
        all.join();
        whom.kill();
        all.put(2);
        try {
          all.join();
        } catch (const mp::WorkerDied& error) {
          throw mp::Exit{error.pid() == whom.pid() ? 7 : 1};
        }
      },
      tasks, worker.handle());
  worker.join();
  expect_end(joiner, 7);
}

TEST_P(GoneTest, JoinSeesThatTheLastReaderHasEnded) {
  const Tasks tasks;
  auto worker = started(
      [](mp::QueueReader<int> reader) {
        reader.get();
        reader.task_done();
        throw mp::Exit{3};
      },
      tasks.reader());
  for (int i = 0; i < 3; ++i) tasks.put(i);
  expect_died(tasks, worker, 3, "exited with code 3, and no reader of the queue is left");
  expect_died(tasks, worker, 3, "for 2 messages");
  expect_end(worker, 3);
}

TEST_P(GoneTest, JoinReturnsWhenTheLastReaderHasFinishedAllBeforeItWent) {
  for (int round = 0; round < 20; ++round) {
    const Tasks tasks;
    auto worker = started(
        [](mp::QueueReader<int> reader) {
          for (int i = 0; i < 50; ++i) {
            reader.get();
            reader.task_done();
          }
          raise(SIGKILL);
        },
        tasks.reader());
    for (int i = 0; i < 50; ++i) tasks.put(i);
    EXPECT_NO_THROW(tasks.join());
    worker.join();
  }
}

TEST_P(GoneTest, OneMessageIsNoMessages) {
  const Tasks tasks;
  auto worker = started(
      [](Tasks t) {
        t.get();
        raise(SIGTERM);
      },
      tasks);
  tasks.put(1);
  expect_died(tasks, worker, -SIGTERM, "was killed by SIGTERM with 1 message that");
  worker.join();
  expect_died(tasks, worker, -SIGTERM, "was killed by SIGTERM with 1 message that");
}

class Reads : public mp::ProcessOf<Reads> {
 public:
  Reads() = default;
  explicit Reads(mp::QueueReader<int> reader) : reader_(std::move(reader)) {}
  void run() override {
    (void)reader_.get();
    raise(SIGKILL);
  }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& reader_;
  }

 private:
  mp::QueueReader<int> reader_;
};

TEST_P(GoneTest, AReaderThatIsAMemberIsGoneWithItsChild) {
  const Numbers queue(1);
  Reads reads{queue.reader()};
  reads.start();
  queue.put(1);
  const auto put_two = [&] { queue.put_range({2, 3, 4}); };
  expect_broken(put_two, reads, "was killed by SIGKILL");
  reads.join();
}

// ---- shut down ----

TEST_P(GoneTest, AShutDownThatEscapesEndsTheChildQuietlyWithZero) {
  const Numbers queue(1);
  queue.put(1);
  auto producer = started([](Numbers q) { q.put(2); }, queue);
  auto consumer = started([](Numbers q, Numbers other) { q.put(other.get()); }, Numbers{}, queue);
  testing::internal::CaptureStderr();
  auto late = started(
      [](Numbers q) {
        while (q.try_put(1, 1ms)) {
        }
        for (;;) q.put(1);
      },
      queue);
  queue.shutdown();
  producer.join();
  expect_end(late);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(producer.exitcode(), 0);
  expect_end(consumer);
}

}  // namespace
}  // namespace queues_test
