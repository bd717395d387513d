#include "pool_suite.hpp"

#include <sched.h>
#include <signal.h>

#include "base/fail_point.hpp"
#include "base/waiting.hpp"
#include "support/leak_listener.hpp"

namespace pool_test {

using mp::detail::Deadline;

std::uint32_t Counters::raise(std::size_t index) const {
  const std::uint32_t before = (*this)[index].fetch_add(1);
  mp::detail::futex_wake_all((*this)[index]);
  return before;
}

void Counters::wait_for(std::uint32_t value, std::size_t index) const {
  for (std::uint32_t seen; (seen = (*this)[index].load()) < value;)
    mp::detail::futex_wait((*this)[index], seen, Deadline::never());
}

void wait_until(const std::function<bool()>& holds) {
  while (!holds()) sched_yield();
}

bool exists(pid_t pid) { return kill(pid, 0) == 0; }

InUse in_use() {
  mp::arena_sweep();
  const mp::ArenaUsage usage = mp::arena_usage();
  return {usage.objects, usage.blocks};
}

ArenaBaseline::~ArenaBaseline() {
  // What a worker that has just ended held is given back in a moment.
  wait_until([this] {
    const InUse now = in_use();
    return now.objects <= before_.objects && now.blocks <= before_.blocks;
  });
}

void arm_first(Counters counters, std::string point, unsigned nth) {
  if (counters.raise() == 0) mp::detail::arm_fail_point(point, nth);
}

void arm_each(Counters counters, std::string point, unsigned nth) {
  counters.raise();
  mp::detail::arm_fail_point(point, nth);
}

namespace {

// The arena and the fork server are made once and stay.
[[maybe_unused]] const bool warm = test_support::leak_listener::warm_up([] {
  for (const char* method : {"fork", "spawn", "forkserver"}) {
    mp::Pool pool(mp::PoolOptions{.processes = 1, .context = mp::get_context(method)});
    static_cast<void>(pool.map([](int x) { return x; }, {1}));
  }
});

}  // namespace
}  // namespace pool_test
