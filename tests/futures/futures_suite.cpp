#include "futures_suite.hpp"

#include "multiprocessing/detail/codec/exception.hpp"
#include "support/leak_listener.hpp"

namespace futures_test {

std::string told(const std::exception_ptr& error) {
  return error == nullptr ? "" : mp::detail::describe_exception(error);
}

namespace {

// What the first executor makes stays.
[[maybe_unused]] const bool warm = test_support::leak_listener::warm_up([] {
  mp::ProcessPoolExecutor executor(1);
  static_cast<void>(executor.submit([](int x) { return x; }, 1).result());
});

}  // namespace
}  // namespace futures_test
