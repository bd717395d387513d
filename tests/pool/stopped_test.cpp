// Workers that are stopped (not dead) amid something.
#include <unistd.h>

#include <exception>
#include <thread>

#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

class StoppedTest : public PoolTest {};
FOR_EVERY_START_METHOD(StoppedTest);

enum Number : std::size_t { begun, pid_of_first };

/// The one that gets the first element stops when it looks at the board next, and has it then; the
/// other one ends its element after that.
int stop_at_the_board(const Counters& counters, int element) {
  counters.raise(begun);
  counters.wait_for(2, begun);
  if (element == 0) {
    mp::detail::arm_fail_point_stop("pool.pick.holding");
    counters[pid_of_first] = static_cast<std::uint32_t>(getpid());
  } else {
    wait_until([&] {
      const std::uint32_t pid = counters[pid_of_first];
      return pid != 0 && mp::detail::is_stopped(static_cast<pid_t>(pid));
    });
  }
  return element;
}

TEST_P(StoppedTest, APoolIsTerminatedWhoseWorkerIsStoppedWithItsBoard) {
  const Counters counters;
  mp::Pool pool(2);
  std::thread caller{[&] {
    try {
      (void)pool.map(mp::partial(stop_at_the_board, counters), {0, 1}, 1);
    } catch (const mp::ProcessError&) {
    }
  }};
  wait_until([&] {
    const std::uint32_t pid = counters[pid_of_first];
    return pid != 0 && mp::detail::is_stopped(static_cast<pid_t>(pid));
  });
  pool.terminate();
  caller.join();
  pool.join();
}

}  // namespace
}  // namespace pool_test
