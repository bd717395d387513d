#include "base/last_calls.hpp"

#include <array>
#include <atomic>
#include <cstdlib>

namespace multiprocessing::detail {
namespace {

using Call = void (*)() noexcept;

constinit std::array<std::atomic<Call>, 8> calls{};

}  // namespace

LastCall::LastCall(Call call) : call_(call) {
  for (auto& place : calls) {
    Call none = nullptr;
    if (place.compare_exchange_strong(none, call)) return;
  }
  std::abort();  // a module more than there are places
}

LastCall::~LastCall() {
  call_();
  for (auto& place : calls) {
    Call mine = call_;
    if (place.compare_exchange_strong(mine, nullptr)) return;
  }
}

void run_last_calls() noexcept {
  for (const auto& place : calls)
    if (const Call call = place.load()) call();
}

}  // namespace multiprocessing::detail
