// MessageType: what a typed message begins with, and the name behind it.
#pragma once

#include <cstdint>
#include <string>
#include <typeinfo>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/fingerprint.hpp"
#include "multiprocessing/detail/shape.hpp"

namespace multiprocessing::detail {

/// A type that this program sends or receives. All of them form a list, made before main, so that
/// an error can name what came as well as what was wanted.
class MULTIPROCESSING_API MessageType {
 public:
  MessageType(const std::type_info& type, std::uint32_t shape) noexcept;
  ~MessageType();
  MessageType(const MessageType&) = delete;

  [[nodiscard]] std::uint32_t fingerprint() const noexcept { return fingerprint_; }
  [[nodiscard]] std::string name() const { return demangle(type_->name()); }

  [[nodiscard]] static bool is_known(std::uint32_t fingerprint) noexcept;

  /// "a std::string", or what is known about a type that this program has no message of, for a
  /// message that says that a `wanted` was to come.
  [[nodiscard]] static std::string describe(std::uint32_t fingerprint, const MessageType& wanted);

 private:
  std::uint32_t fingerprint_;
  const std::type_info* type_;
  MessageType* next_;
};

/// The shape is part of the name for the loader, as in fingerprint().
template <class T, std::uint32_t Shape = shape<T>()>
inline const MessageType message_type{typeid(T), Shape};

}  // namespace multiprocessing::detail
