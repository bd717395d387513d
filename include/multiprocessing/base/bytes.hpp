// Bytes: raw bytes as a type of their own, so that a variant can tell them from text.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing {

/// Raw bytes, after Python's `bytes`: a `std::string` of its own type, with all that a string has.
///
/// It prints and compares as a string does, and is distinct from one in a `std::variant`, so a
/// Python program at the other end of a connection gets `bytes` and not `str`. What goes in is
/// copied, except from a string that is moved.
class Bytes : public std::string {
 public:
  Bytes() = default;
  explicit Bytes(std::string_view content) : std::string(content) {}
  /// Takes the memory of a string that is no longer needed.
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
