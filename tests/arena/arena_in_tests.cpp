// What every test of this program is compared by.
#include <string>
#include <vector>

#include "arena/family.hpp"
#include "children.hpp"
#include "multiprocessing/arena/usage.hpp"
#include "support/leak_listener.hpp"

namespace {

namespace mp = multiprocessing;

[[maybe_unused]] const bool warm = test_support::leak_listener::warm_up([] {
  static_cast<void>(mp::detail::self());
  // The pages of a ledger stay with their process: enough for all tests.
  std::vector<mp::detail::Handle> many;
  for (int i = 0; i < 800; ++i) many.push_back(mp::detail::Handle::make(1));
  // Makes the objects of lazy handles in static objects, which would look like leaks.
  arena_test::Child{[] { return 0; }}.join();
});

[[maybe_unused]] const bool probed = test_support::leak_listener::register_probe("arena use", [] {
  mp::arena_sweep();
  return std::to_string(mp::arena_usage().objects) + " objects";
});

}  // namespace
