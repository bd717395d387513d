// Bytes: raw bytes as a type of their own, so that a variant can tell them from text.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing {

/// Raw bytes, after Python's `bytes`: a `std::string` of its own type.
///
/// It prints and compares as a string does, and is distinct from one in a `std::variant`.
class Bytes : public std::string {
 public:
  Bytes() = default;
  explicit Bytes(std::string_view content) : std::string(content) {}
  // A template, so that a literal is a string_view without doubt.
  template <std::same_as<std::string> Text>
  explicit Bytes(Text&& content) noexcept : std::string(std::move(content)) {}

  /// For Boost.Serialization: bytes travel as a string does.
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& static_cast<std::string&>(*this);
  }
};

}  // namespace multiprocessing
