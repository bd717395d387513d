#include "pool_suite.hpp"

#include "base/fail_point.hpp"
#include "support/leak_listener.hpp"

namespace pool_test {

void arm_first(Counters counters, std::string point, unsigned nth) {
  if (counters.raise() == 0) mp::detail::arm_fail_point(point, nth);
}

void arm_each(Counters counters, std::string point, unsigned nth) {
  counters.raise();
  mp::detail::arm_fail_point(point, nth);
}

namespace {

// What the first pool makes stays.
[[maybe_unused]] const bool warm = test_support::leak_listener::warm_up([] {
  mp::Pool pool(1);
  static_cast<void>(pool.map([](int x) { return x; }, {1}));
});

}  // namespace
}  // namespace pool_test
