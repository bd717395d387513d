#include "synchronize_suite.hpp"

#include <sched.h>

#include <cstdlib>

#include "base/waiting.hpp"
#include "support/leak_listener.hpp"
#include "support/watchdog.hpp"

namespace synchronize_test {

using mp::detail::Deadline;

ArenaTest::InUse ArenaTest::in_use() {
  mp::arena_sweep();
  const mp::ArenaUsage usage = mp::arena_usage();
  return {usage.objects, usage.blocks};
}

void ArenaTest::TearDown() {
  // What a child that has just ended held is given back in a moment.
  for (int look = 0; look < 2000 && in_use() != before_; ++look) sched_yield();
  const InUse now = in_use();
  EXPECT_LE(now.objects, before_.objects) << "objects are left in shared memory";
  EXPECT_LE(now.blocks, before_.blocks) << "blocks are left in shared memory";
}

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

int asked(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  if (text != nullptr) return std::atoi(text);
  return test_support::patience() < 10 ? otherwise : (otherwise + 4) / 5;
}

namespace {

void nothing() {}

// The arena and the fork server are made once and stay.
[[maybe_unused]] const bool warm = test_support::leak_listener::warm_up([] {
  for (const char* method : {"fork", "spawn", "forkserver"}) {
    mp::Process child = mp::get_context(method).Process(nothing);
    child.start();
    child.join();
  }
});

}  // namespace
}  // namespace synchronize_test
