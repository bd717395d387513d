#include "base/published_string.hpp"

namespace multiprocessing::detail {

const PublishedString::Text* PublishedString::find_or_add(std::string_view text) {
  for (const Text* known = all_.load(std::memory_order_acquire); known; known = known->next)
    if (known->content == text) return known;
  auto* added = new Text{std::string{text}, all_.load(std::memory_order_relaxed)};
  while (!all_.compare_exchange_weak(added->next, added, std::memory_order_release)) {
  }
  return added;
}

void PublishedString::set(std::string_view text) {
  current_.store(find_or_add(text), std::memory_order_release);
}

}  // namespace multiprocessing::detail
