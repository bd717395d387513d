#include "multiprocessing/detail/handover.hpp"

#include <atomic>

namespace multiprocessing::detail {
namespace {

constinit thread_local bool handing_over = false;
constinit thread_local std::uint64_t serialised = 0;
constinit std::atomic<std::uint64_t> held_ends = 0;

}  // namespace

bool is_handed_over() noexcept {
  ++serialised;
  return handing_over;
}

std::uint64_t ends_serialised() noexcept { return serialised; }

HandingOver::HandingOver() noexcept { handing_over = true; }
HandingOver::~HandingOver() { handing_over = false; }

HeldEnd::HeldEnd() noexcept { held_ends.fetch_add(1, std::memory_order_relaxed); }
HeldEnd::HeldEnd(const HeldEnd&) noexcept : HeldEnd() {}
HeldEnd::~HeldEnd() { held_ends.fetch_sub(1, std::memory_order_relaxed); }
bool HeldEnd::any() noexcept { return held_ends.load(std::memory_order_relaxed) != 0; }

}  // namespace multiprocessing::detail
