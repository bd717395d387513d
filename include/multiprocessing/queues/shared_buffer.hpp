// SharedBuffer: memory that is handed from process to process without being copied.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing {

/// A fixed number of elements in the family's shared memory, to be built in place and handed over:
/// putting one into a queue costs the same whatever its size.
///
/// It is a handle: copies, here and where it arrives, are the same memory, which is freed with the
/// last of them. Nothing guards it. By custom a process that has put it into a queue lets it alone.
///
///     mp::SharedBuffer<float> image(1920 * 1080);
///     fill(image);            // a contiguous range
///     queue.put(image);       // mp::Queue<mp::SharedBuffer<float>>
template <class T>
class SharedBuffer {
  static_assert(
      detail::Flat<T>,
      "multiprocessing: a SharedBuffer is used where it lies by every process. Its elements "
      "hold no pointers; std::string and std::vector do.");

 public:
  using value_type = T;

  /// None; for a variable that is about to receive one.
  SharedBuffer() = default;

  /// `size` elements, all zero bytes. Throws `OSError` with the figures when memory is short.
  explicit SharedBuffer(std::size_t size)
      : size_(size), memory_(detail::Handle::make(bytes(size), 1)) {}

  [[nodiscard]] T* data() const { return memory_.template as<T>(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* begin() const { return data(); }
  [[nodiscard]] T* end() const { return data() + size_; }
  [[nodiscard]] T& operator[](std::size_t index) const { return data()[index]; }
  /// Throws `IndexError`.
  [[nodiscard]] T& at(std::size_t index) const {
    if (index >= size_) throw IndexError("element " + std::to_string(index) + " of a SharedBuffer");
    return data()[index];
  }

  /// Whether both are the same memory.
  friend bool operator==(const SharedBuffer& a, const SharedBuffer& b) {
    return a.memory_ == b.memory_;
  }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& size_& memory_;
  }

 private:
  friend struct std::hash<SharedBuffer>;
  // One link, which is not used, has the elements begin at a multiple of 64.
  [[nodiscard]] static std::size_t bytes(std::size_t size) {
    if (size > static_cast<std::size_t>(PTRDIFF_MAX) / sizeof(T))
      throw std::length_error("a SharedBuffer of more elements than there are addresses");
    return size * sizeof(T);
  }

  std::size_t size_ = 0;
  detail::Handle memory_;
};

}  // namespace multiprocessing

template <class T>
struct std::hash<multiprocessing::SharedBuffer<T>> {
  std::size_t operator()(const multiprocessing::SharedBuffer<T>& buffer) const {
    return std::hash<multiprocessing::detail::Handle>{}(buffer.memory_);
  }
};
