// Pools whose program or worker ends in the middle of something.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class ExitTest : public PoolTest {};
FOR_EVERY_START_METHOD(ExitTest);

int square(int x) { return x * x; }
int never(int) {
  for (;;) pause();
}

std::unique_ptr<mp::Pool> kept;
Counters* told = nullptr;

/// Does it over and over again in a thread, until that throws.
template <class F>
void repeat_in_a_thread(const Counters& says, std::size_t place, F work) {
  std::thread([says, place, work] {
    try {
      for (;;) {
        says.raise(place);
        work();
      }
    } catch (const std::exception&) {
      for (;;) pause();  // the process is about to end
    }
  }).detach();
}

void exit_amid_everything(Counters says) {
  kept = std::make_unique<mp::Pool>(2);
  repeat_in_a_thread(says, 0, [] { (void)kept->apply_async(square, 3); });
  repeat_in_a_thread(says, 1, [] { (void)kept->apply(square, 3); });
  repeat_in_a_thread(says, 2, [] { (void)kept->apply(never, 3); });
  repeat_in_a_thread(says, 3, [] {
    std::vector<int> numbers(100);
    std::iota(numbers.begin(), numbers.end(), 0);
    for (const int each : kept->imap(square, numbers)) static_cast<void>(each);
  });
  repeat_in_a_thread(says, 4, [] { (void)kept->map(square, {1, 2, 3}); });
  for (std::size_t place = 0; place < 5; ++place) says.wait_for(1, place);
  std::exit(3);
}

TEST_P(ExitTest, AProcessMayExitWhileItsThreadsSubmitWaitAndIterate) {
  const Counters says;
  mp::Process process{exit_amid_everything, says};
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 3);
}

void submit_at_exit() {
  try {
    const int result = kept->apply(square, 3);
    (*told)[0] = result == 9 ? 1 : 2;
  } catch (const std::exception&) {
    (*told)[0] = 1;
  }
}

TEST_P(ExitTest, AnExitHandlerThatSubmitsGetsAResultOrAnError) {
  const Counters says;
  mp::Process process{[](const Counters& c) {
                        told = new Counters(c);
                        std::atexit(submit_at_exit);
                        kept = std::make_unique<mp::Pool>(1);
                        (void)kept->apply(square, 2);
                        std::exit(4);
                      },
                      says};
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 4);
  EXPECT_EQ(says[0], 1U);
}

TEST_P(ExitTest, AWorkerThatIsKilledWhileItIsRecycledCostsNothing) {
  const Counters runs;
  mp::Pool pool({.processes = 2, .maxtasksperchild = 1, .at_worker_end = [] { raise(SIGKILL); }});
  const auto count = [](Counters c, int x) {
    c.raise(static_cast<std::size_t>(x));
    return x * x;
  };
  std::vector<mp::AsyncResult<int>> results;
  for (int x = 0; x < 10; ++x) results.push_back(pool.apply_async({.retries = 3}, count, runs, x));
  for (int x = 0; x < 10; ++x) {
    EXPECT_EQ(results[static_cast<std::size_t>(x)].get(), x * x);
    EXPECT_EQ(runs[static_cast<std::size_t>(x)], 1U) << "no task runs again that has ended";
  }
}

}  // namespace
}  // namespace pool_test
