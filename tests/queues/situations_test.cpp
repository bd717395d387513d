// Queues in situations of real programs: bounds that are none, messages of nothing, limited
// workers.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "multiprocessing/connection.hpp"
#include "queue_suite.hpp"

namespace queues_test {
namespace {

class SituationTest : public QueueTest {};
FOR_EVERY_START_METHOD(SituationTest);

template <class Queue>
void expect_unbounded(const Queue& queue) {
  for (int i = 0; i < 100; ++i) queue.put(i);
  EXPECT_FALSE(queue.full());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.get(), i);
}

TEST(BoundsTest, NoneNegativeOnesAndHugeOnesCostNothing) {
  for (const int bound : {0, -1, 1'000'000'000, 2147483647}) {
    SCOPED_TRACE(bound);
    expect_unbounded(mp::Queue<int>(bound));
    expect_unbounded(mp::JoinableQueue<int>(bound));
  }
}

struct Nothing {};

TEST_P(SituationTest, MessagesOfNothingArrive) {
  const mp::Queue<std::string> texts;
  const mp::Queue<std::vector<std::string>> lists;
  const mp::Queue<Nothing> nothings;
  auto child = started(
      [](mp::Queue<std::string> t, mp::Queue<std::vector<std::string>> l, mp::Queue<Nothing> n) {
        t.put("");
        l.put({});
        n.put({});
      },
      texts, lists, nothings);
  EXPECT_EQ(texts.get(), "");
  EXPECT_TRUE(lists.get().empty());
  static_cast<void>(nothings.get());
  EXPECT_TRUE(nothings.empty());
  expect_end(child);
}

struct Register {
  unsigned low : 3;
  unsigned high : 29;
};

TEST_P(SituationTest, StructsWithBitFieldsArrive) {
  const mp::Queue<Register> registers;
  auto child = started([](mp::Queue<Register> queue) { queue.put({5, 123456}); }, registers);
  EXPECT_EQ(registers.get().high, 123456U);
  expect_end(child);
}

void limit(int what, rlim_t most) {
  const rlimit limits{most, most};
  if (setrlimit(static_cast<__rlimit_resource>(what), &limits) != 0) throw mp::Exit{9};
}

/// As judges and sandboxes do before they run what others wrote.
void work_under_limits(mp::Queue<std::string> queue, mp::Queue<pid_t> pids) {
  limit(RLIMIT_FSIZE, 1 << 20);
  limit(RLIMIT_NOFILE, 32);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_SIGPENDING, 0);
  limit(RLIMIT_STACK, 1 << 20);
  limit(RLIMIT_DATA, 256 << 20);
  for (int i = 0; i < 64; ++i) queue.put(std::string(1 << 20, 'x'));
  const mp::Queue<int> own;
  auto [here, there] = mp::Pipe();
  there.send(std::string(60000, 'y'));
  own.put(static_cast<int>(here.recv<std::string>().size()));
  queue.put(std::to_string(own.get()));
  pids.put(getpid());
  for (;;) pause();
}

TEST_P(SituationTest, AWorkerThatLimitsItselfSendsAndDiesWithItsParent) {
  const mp::Queue<std::string> queue;
  const mp::Queue<pid_t> pids;
  mp::Process parent{[](const std::string& method, mp::Queue<std::string> q, mp::Queue<pid_t> p) {
                       auto child = mp::get_context(method).Process(work_under_limits, q, p);
                       child.start();
                       child.join();
                     },
                     GetParam(), queue, pids};
  parent.start();
  for (int i = 0; i < 64; ++i) EXPECT_EQ(queue.get().size(), 1U << 20);
  EXPECT_EQ(queue.get(), "60000");
  const pid_t worker = pids.get();
  parent.kill();
  parent.join();
  test_support::wait_until([&] { return !test_support::exists(worker); });
}

}  // namespace
}  // namespace queues_test
