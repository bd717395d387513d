// The bytes of a pickle, from the front: nothing is taken that is not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {

class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }

  /// The next `count` bytes. Throws SerializationError when there are fewer.
  std::string_view take(std::uint64_t count) {
    if (count > left()) throw SerializationError("it is cut off");
    const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(count));
    at_ += taken.size();
    return taken;
  }

  /// An unsigned number of so many bytes, the lowest first.
  std::uint64_t number(std::size_t size) {
    const std::string_view bytes = take(size);
    std::uint64_t value = 0;
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte)
      value = (value << 8U) | static_cast<unsigned char>(*byte);
    return value;
  }

  /// A signed number of four bytes.
  std::int32_t signed_number() { return static_cast<std::int32_t>(number(4)); }

  /// Up to the end of the line, which is not part of it.
  std::string_view line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) throw SerializationError("it is cut off");
    const std::string_view taken = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return taken;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace multiprocessing::detail
