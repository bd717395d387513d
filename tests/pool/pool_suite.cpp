#include "pool_suite.hpp"

#include <cstddef>
#include <utility>

#include "base/fail_point.hpp"
#include "support/asked.hpp"
#include "support/leak_listener.hpp"

namespace pool_test {

void arm_first(Counters counters, std::string point, unsigned nth) {
  if (counters.raise() == 0) mp::detail::arm_fail_point(point, nth);
}

void arm_each(Counters counters, std::string point, unsigned nth) {
  counters.raise();
  mp::detail::arm_fail_point(point, nth);
}

std::vector<unsigned> passes_asked_for(std::vector<unsigned> passes) {
  const int most = test_support::asked("MULTIPROCESSING_TEST_KILLS_PER_POINT", 3);
  if (std::cmp_less(most, passes.size())) passes.resize(static_cast<std::size_t>(most));
  return passes;
}

int rounds_with_kills() { return test_support::asked("MULTIPROCESSING_TEST_MAPS", 20); }

namespace {

// What the first pool makes stays.
[[maybe_unused]] const bool warm = test_support::leak_listener::warm_up([] {
  mp::Pool pool(1);
  static_cast<void>(pool.map([](int x) { return x; }, {1}));
});

}  // namespace
}  // namespace pool_test
