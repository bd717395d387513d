// Kills at every step of an end in a message: nobody hangs, and nobody keeps end-of-file back.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "base/fail_point.hpp"
#include "ends.hpp"
#include "process/fork_server_client.hpp"
#include "support/watchdog.hpp"

namespace queues_test {
namespace {

using mp::detail::arm_fail_point;

class EndsKillTest : public EndsTest {};
FOR_EVERY_START_METHOD(EndsKillTest);

void die_putting(Ends queue, Connection end, std::string point) {
  arm_fail_point(point);
  queue.put(end);
}

void die_getting(Ends queue, std::string point) {
  arm_fail_point(point);
  (void)queue.get();
}

TEST_P(EndsKillTest, ASenderMayDieAnywhere) {
  for (const std::string point :
       {"keeper.leave.asked", "keeper.leave.answered", "arena.ledger.after_intent",
        "arena.ledger.after_count", "arena.ledger.after_make", "queue.object.made",
        "queue.object.held", "queue.put.published"}) {
    SCOPED_TRACE(point);
    const Ends queue;
    auto [here, there] = mp::Pipe();
    auto child = started(die_putting, queue, std::move(there), point);
    expect_end(child, -SIGKILL);
    while (auto end = queue.try_get()) end->close();  // put, or not
    pass_one(queue);                                  // which mends what was left of a put
    expect_end_of_file(here);
  }
}

TEST_P(EndsKillTest, AReceiverMayDieAnywhere) {
  for (const std::string point : {"keeper.take.asked", "keeper.take.answered"}) {
    SCOPED_TRACE(point);
    const Ends queue;
    auto [here, there] = mp::Pipe();
    give(queue, std::move(there));
    auto child = started(die_getting, queue, point);
    expect_end(child, -SIGKILL);
    expect_end_of_file(here);
    pass_one(queue);
  }
}

TEST_P(EndsKillTest, WhoAppointsTheKeeperMayDieOverIt) {
  const Ends queue;
  pass_one(queue);
  kill(keeper_pid(), SIGKILL);
  auto [here, there] = mp::Pipe();
  auto child = started(die_putting, queue, std::move(there), std::string{"keeper.appointed"});
  expect_end(child, -SIGKILL);
  expect_end_of_file(here);
  pass_one(queue);
}

constexpr const char* variable = "MULTIPROCESSING_TEST_KEEPER_DIES";

/// Fork servers that start in its scope die at the point.
class DyingKeepers {
 public:
  explicit DyingKeepers(const char* point) {
    setenv(variable, point, 1);
    mp::set_forkserver_preload([] { arm_fail_point(std::getenv(variable)); });
    start_anew();
  }
  ~DyingKeepers() {
    unsetenv(variable);
    mp::set_forkserver_preload(nullptr);
    start_anew();
  }
  DyingKeepers(const DyingKeepers&) = delete;

 private:
  static void start_anew() {
    if (const pid_t pid = keeper_pid(); pid != 0) kill(pid, SIGKILL);
    wait_until([] { return kept_tickets() == 0; });
    mp::detail::stop_fork_server();
    auto child = mp::get_context("forkserver").Process([] {});
    child.start();
    child.join();
  }
};

TEST(KeeperKillTest, ItMayDieAnywhere) {
  const Ends queue;
  for (const char* point : {"keeper.keep.asked", "keeper.keep.kept"}) {
    SCOPED_TRACE(point);
    auto [here, there] = mp::Pipe();
    {
      const DyingKeepers all{point};
      EXPECT_THROW(queue.put(there), mp::ProcessError);
    }
    there.close();
    expect_end_of_file(here);
    pass_one(queue);
  }
  for (const char* point : {"keeper.give.asked", "keeper.give.given"}) {
    SCOPED_TRACE(point);
    auto [here, there] = mp::Pipe();
    {
      const DyingKeepers all{point};
      give(queue, std::move(there));
      if (point == std::string{"keeper.give.asked"})
        EXPECT_THROW((void)queue.get(), mp::ProcessError);
      else
        queue.get().close();
    }
    expect_end_of_file(here);
    pass_one(queue);
  }
}

TEST(KeeperKillTest, ItMayBeKilledAtAnyTime) {
  const test_support::Watchdog allowed{std::chrono::seconds{180}};
  const int rounds = asked("MULTIPROCESSING_TEST_KILLS", 60);
  const Ends queue;
  std::atomic<bool> stop = false;
  std::thread killer{[&] {
    for (int round = 0; !stop; ++round) {
      const std::chrono::duration<double, std::milli> life{(5 + round % 17) *
                                                           test_support::patience()};
      std::this_thread::sleep_for(life);
      if (const pid_t pid = keeper_pid(); pid != 0) kill(pid, SIGKILL);
    }
  }};
  int received = 0;
  for (int i = 0; i < rounds; ++i) {
    auto [here, there] = mp::Pipe();
    try {
      queue.put(there);
      there.close();
      queue.get().send(i);
      EXPECT_EQ(here.recv<int>(), i);
      ++received;
    } catch (const mp::ProcessError&) {
      there.close();
      expect_end_of_file(here);
    }
  }
  stop = true;
  killer.join();
  EXPECT_GT(received, 0);
  pass_one(queue);
}

}  // namespace
}  // namespace queues_test
