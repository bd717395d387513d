#include "arena/asking_part.hpp"

#include <atomic>

namespace multiprocessing::detail {
namespace {

std::atomic<int> parts{0};

}  // namespace

AskingPart::AskingPart() { parts.fetch_add(1, std::memory_order_relaxed); }

AskingPart::~AskingPart() { parts.fetch_sub(1, std::memory_order_relaxed); }

bool AskingPart::any() { return parts.load(std::memory_order_relaxed) != 0; }

void tell_asking_parts(const OutgoingHandles& arguments, Member child) {
  if (!AskingPart::any()) return;
  for (const Handle& object : arguments.handles())
    if (auto* part = dynamic_cast<AskingPart*>(object.local_part())) part->given_to(object, child);
}

}  // namespace multiprocessing::detail
