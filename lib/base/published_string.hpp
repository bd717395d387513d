// PublishedString: a text that is set now and then and read by any thread.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

/// Needs no lock, so that a child that was forked while another thread sets or reads it finds it
/// usable. Texts are never freed, a text that was set before is used again.
class PublishedString {
 public:
  constexpr PublishedString() = default;

  void set(std::string_view text);

  /// Empty until set; what it shows stays valid for ever.
  [[nodiscard]] std::string_view get() const {
    const Text* text = current_.load(std::memory_order_acquire);
    return text == nullptr ? std::string_view{} : std::string_view{text->content};
  }

 private:
  struct Text {
    std::string content;
    const Text* next;
  };
  const Text* find_or_add(std::string_view text);

  std::atomic<const Text*> current_{nullptr};
  std::atomic<const Text*> all_{nullptr};  // each text once but for races between setters
};

}  // namespace multiprocessing::detail
