// NeverDestroyed: an object that exit handlers, and handles in static objects, may still ask for.
#pragma once

#include <cstddef>
#include <new>

namespace multiprocessing::detail {

/// For static variables. It lies among them and not on the heap, where each would cost a forked
/// child that writes to it a page of its own.
template <class T>
class NeverDestroyed {
 public:
  NeverDestroyed() { new (room_) T; }
  NeverDestroyed(const NeverDestroyed&) = delete;
  NeverDestroyed& operator=(const NeverDestroyed&) = delete;

  [[nodiscard]] T& get() { return *std::launder(reinterpret_cast<T*>(room_)); }

 private:
  alignas(T) std::byte room_[sizeof(T)];
};

}  // namespace multiprocessing::detail
