// Every wake reaches a thread that sleeps: where MULTIPROCESSING_TEST_LOST_WAKES is set, nothing
// else ends these waits.
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "multiprocessing/queues.hpp"
#include "multiprocessing/sharedctypes.hpp"
#include "multiprocessing/synchronize.hpp"
#include "pool_suite.hpp"
#include "support/lost_wakes.hpp"

namespace pool_test {

mp::Event may_end;  // forked children have it

int wait_for_the_end(int number) {
  may_end.wait();
  return number;
}
int same(int number) { return number; }

namespace {

bool is_asleep(pid_t thread) {
  std::ifstream file{"/proc/" + std::to_string(thread) + "/stat"};
  std::string stat{std::istreambuf_iterator<char>{file}, {}};
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.substr(name_end, 3) == ") S";
}

/// Twice in a row: it may have slept for something else before.
void wait_until_asleep(pid_t thread) {
  for (int times = 0; times < 100; times = is_asleep(thread) ? times + 1 : 0)
    std::this_thread::yield();
}

/// A thread waits; when it sleeps, `wake` is to end that.
void expect_woken(const std::function<void()>& wait, const std::function<void()>& wake) {
  test_support::wait_until_strict();
  std::atomic<pid_t> waiter{0};
  std::thread thread{[&] {
    waiter = gettid();
    wait();
  }};
  while (waiter.load() == 0) std::this_thread::yield();
  wait_until_asleep(waiter);
  wake();
  thread.join();
}

template <class Mutex>
void expect_release_wakes() {
  const Mutex lock;
  lock.acquire();
  expect_woken([&] { lock.acquire(), lock.release(); }, [&] { lock.release(); });
}

TEST(LostWakesTest, AReleaseWakesAThreadThatWaitsForTheLock) {
  expect_release_wakes<mp::Lock>();
  expect_release_wakes<mp::RLock>();
}

TEST(LostWakesTest, AReleaseWakesAThreadThatWaitsForAUnit) {
  const mp::Semaphore units{0};
  expect_woken([&] { units.acquire(); }, [&] { units.release(); });
}

TEST(LostWakesTest, ASetWakesAThreadThatWaitsForTheEvent) {
  const mp::Event event;
  expect_woken([&] { event.wait(); }, [&] { event.set(); });
}

TEST(LostWakesTest, ANotificationWakesAThreadThatWaitsForTheCondition) {
  const mp::Condition condition;
  const auto wait = [&] {
    condition.acquire();
    condition.wait();
    condition.release();
  };
  expect_woken(wait, [&] {
    condition.acquire();
    condition.notify();
    condition.release();
  });
}

TEST(LostWakesTest, TheLastToArriveWakesTheParties) {
  const mp::Barrier barrier{2};
  expect_woken([&] { (void)barrier.wait(); }, [&] { (void)barrier.wait(); });
}

TEST(LostWakesTest, APutWakesAThreadThatGets) {
  const mp::Queue<int> flat;
  expect_woken([&] { EXPECT_EQ(flat.get(), 7); }, [&] { flat.put(7); });
  const mp::Queue<std::string> encoded;
  expect_woken([&] { EXPECT_EQ(encoded.get(), "seven"); }, [&] { encoded.put("seven"); });
}

TEST(LostWakesTest, AGetThatMakesRoomWakesAThreadThatPuts) {
  const mp::Queue<int> queue{1};
  queue.put(1);
  expect_woken([&] { queue.put(2); }, [&] { EXPECT_EQ(queue.get(), 1); });
}

TEST(LostWakesTest, TheLastTaskDoneWakesAThreadThatJoinsTheQueue) {
  const mp::JoinableQueue<int> queue;
  queue.put(1);
  EXPECT_EQ(queue.get(), 1);
  expect_woken([&] { queue.join(); }, [&] { queue.task_done(); });
}

TEST(LostWakesTest, ANotificationWakesAThreadThatWaitsForAValue) {
  const mp::Value<int> value{0};
  expect_woken([&] { value.wait(0); },
               [&] {
                 value.set_value(1);
                 value.notify_one();
               });
}

TEST(LostWakesTest, ShutdownWakesAllThatWaitForTheQueue) {
  const mp::Queue<int> queue;
  expect_woken([&] { EXPECT_THROW((void)queue.get(), mp::ShutDown); }, [&] { queue.shutdown(); });
}

TEST(LostWakesTest, APostWakesWorkers) {
  mp::Pool pool{2};
  EXPECT_EQ(pool.map(same, std::vector{1, 2}), (std::vector{1, 2}));
  test_support::wait_until_strict();
  for (const mp::ProcessHandle& worker : pool.workers()) wait_until_asleep(worker.pid());
  EXPECT_EQ(pool.map(same, std::vector{3, 4}), (std::vector{3, 4}));
}

TEST(LostWakesTest, TheEndOfAJobWakesItsCaller) {
  may_end.clear();
  mp::Pool pool{mp::PoolOptions{.processes = 2, .context = mp::get_context("fork")}};
  expect_woken(
      [&] {
        EXPECT_EQ(pool.map(wait_for_the_end, std::vector{1, 2}), (std::vector{1, 2}));
      },
      [] { may_end.set(); });
}

}  // namespace
}  // namespace pool_test
