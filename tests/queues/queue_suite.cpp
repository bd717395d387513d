#include "queue_suite.hpp"

#include <sched.h>

#include <cstdlib>

#include "support/leak_listener.hpp"
#include "support/watchdog.hpp"

namespace queues_test {

InUse in_use() {
  mp::arena_sweep();
  const mp::ArenaUsage usage = mp::arena_usage();
  return {usage.objects, usage.blocks};
}

ArenaBaseline::~ArenaBaseline() {
  // What a child that has just ended held is given back in a moment.
  for (int look = 0; look < 2000 && in_use() != before_; ++look) sched_yield();
  const InUse now = in_use();
  EXPECT_LE(now.objects, before_.objects) << "objects are left in shared memory";
  EXPECT_LE(now.blocks, before_.blocks) << "blocks are left in shared memory";
}

int asked(const char* name, int otherwise) {
  if (const char* text = std::getenv(name)) return std::atoi(text);
  return test_support::patience() < 10 ? otherwise : (otherwise + 4) / 5;
}

namespace {

// The arena and the fork server are made once and stay.
[[maybe_unused]] const bool warm = test_support::leak_listener::warm_up([] {
  for (const char* method : {"fork", "spawn", "forkserver"}) {
    auto process = mp::get_context(method).Process([] {});
    process.start();
    process.join();
  }
});

}  // namespace
}  // namespace queues_test
