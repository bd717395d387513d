// What every test of this program is compared by.
#include <string>

#include "arena/family.hpp"
#include "multiprocessing/arena/usage.hpp"
#include "support/leak_listener.hpp"

namespace {

namespace mp = multiprocessing;

[[maybe_unused]] const bool warm =
    test_support::leak_listener::warm_up([] { static_cast<void>(mp::detail::self()); });

[[maybe_unused]] const bool probed = test_support::leak_listener::register_probe("arena use", [] {
  mp::arena_sweep();
  return std::to_string(mp::arena_usage().objects) + " objects";
});

}  // namespace
