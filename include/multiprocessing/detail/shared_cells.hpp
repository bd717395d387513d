// What shared values and arrays are made of: one T or many in the arena, reached by index.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <type_traits>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/event_count.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

inline constexpr std::size_t plain_alignment = 16;  // of an object's memory; 64 if it has a link

template <class T>
constexpr std::size_t links_for_alignment() {
  return alignof(T) > plain_alignment ? 1 : 0;
}

/// Tells at compile time what cannot be shared, and what to do instead.
template <class T>
constexpr bool shareable() {
  static_assert(!std::is_pointer_v<T>,
                "a pointer means nothing in another process: share what it points to, an index, or "
                "a handle");
  static_assert(std::is_trivially_copyable_v<T>,
                "only trivially copyable types can be shared as memory: for strings and containers "
                "use a shared container, or send them through a queue");
  static_assert(alignof(T) <= 64, "shared memory is aligned to 64 bytes at most");
  return true;
}

/// Numbers, which the processor reads and changes whole.
template <class T>
inline constexpr bool is_atomic_number = (std::is_arithmetic_v<T> ||
                                          std::is_enum_v<T>)&&sizeof(T) <= 8;

/// Waits until `changed` holds; says whether it does. It is asked again after each notify, and now
/// and then without one, because the process that changes the value may die before it notifies.
[[nodiscard]] MULTIPROCESSING_API bool wait_for_change(EventCount& changes, Timeout timeout,
                                                       const std::function<bool()>& changed);

/// One T in shared memory. All zero is the value-initialised T of a trivially copyable type.
template <class T>
struct Cell {
  static_assert(shareable<T>());

  alignas(sizeof(T) == 8 || sizeof(T) == 4 ? sizeof(T) : alignof(T)) T value;
  EventCount changes;

  static const ObjectMaker maker;

  [[nodiscard]] static Handle make(const T& initial) {
    Handle handle = Handle::make(sizeof(Cell), links_for_alignment<Cell>());
    handle.as<Cell>()->value = initial;
    return handle;
  }

  // A number is never seen half written, whether its lock is held or not.
  [[nodiscard]] T load() {
    if constexpr (is_atomic_number<T>)
      return std::atomic_ref<T>{value}.load();
    else
      return value;
  }
  void store(const T& wanted) {
    if constexpr (is_atomic_number<T>)
      std::atomic_ref<T>{value}.store(wanted);
    else
      value = wanted;
  }
};

template <class T>
const ObjectMaker Cell<T>::maker{sizeof(Cell<T>), nullptr, links_for_alignment<Cell<T>>()};

/// Where the object of the handle beside it lies in this process, asked once: a forked child has it
/// at the same address.
template <class T>
class KnownPlace {
 public:
  KnownPlace() = default;
  KnownPlace(const KnownPlace& other) noexcept : at_(other.at_.load(std::memory_order_acquire)) {}
  KnownPlace(KnownPlace&& other) noexcept
      : at_(other.at_.exchange(nullptr, std::memory_order_relaxed)) {}
  KnownPlace& operator=(KnownPlace other) noexcept {
    at_.store(other.at_.load(std::memory_order_acquire), std::memory_order_release);
    return *this;
  }

  [[nodiscard]] T& of(const Handle& handle) const {
    T* at = at_.load(std::memory_order_acquire);
    if (at == nullptr) [[unlikely]] {
      at = handle.as<T>();
      at_.store(at, std::memory_order_release);
    }
    return *at;
  }

 private:
  mutable std::atomic<T*> at_{nullptr};
};

/// Many Ts in shared memory: their number, then they themselves.
template <class T>
class Cells {
  static_assert(shareable<T>());

 public:
  Cells() = default;

  /// `size` zeroed elements; `sparse` takes memory only as they are touched.
  Cells(std::size_t size, bool sparse) : memory_(make(size, sparse)) { header()->size = size; }

  [[nodiscard]] std::size_t size() const { return memory_ ? header()->size : 0; }
  [[nodiscard]] T* data() const {
    if (!memory_) return nullptr;
    return reinterpret_cast<T*>(static_cast<std::byte*>(memory_.body()) + elements_at);
  }
  [[nodiscard]] const Handle& memory() const { return memory_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& memory_;
  }

 private:
  struct Header {
    std::uint64_t size;
  };
  static constexpr std::size_t elements_at = alignof(T) > plain_alignment ? alignof(T)
                                                                          : plain_alignment;

  [[nodiscard]] Header* header() const { return memory_.as<Header>(); }
  [[nodiscard]] static Handle make(std::size_t size, bool sparse);

  Handle memory_;
};

/// Throws ValueError: so many elements fit no memory; most likely the number was negative.
[[noreturn]] MULTIPROCESSING_API void throw_too_many(std::size_t size);

template <class T>
Handle Cells<T>::make(std::size_t size, bool sparse) {
  constexpr std::size_t most = ((std::numeric_limits<std::size_t>::max)() / 2 - elements_at);
  if (size > most / sizeof(T)) throw_too_many(size);
  const std::size_t bytes = elements_at + size * sizeof(T);
  const std::size_t links = links_for_alignment<T>();
  return sparse ? Handle::make_sparse(bytes, links) : Handle::make(bytes, links);
}

// ---- Python's rules for indices

/// The place that `index` names, counted from the end when negative. Throws IndexError.
[[nodiscard]] MULTIPROCESSING_API std::size_t place_of(std::ptrdiff_t index, std::size_t size);

/// A slice's places are start, start + step, …: `count` of them.
struct SlicePlaces {
  std::size_t start;
  std::ptrdiff_t step;
  std::size_t count;

  [[nodiscard]] std::size_t operator[](std::size_t i) const {
    return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(start) +
                                    static_cast<std::ptrdiff_t>(i) * step);
  }
};

/// As `a[start:stop:step]`; nothing means left out. Throws ValueError when the step is 0.
[[nodiscard]] MULTIPROCESSING_API SlicePlaces slice_of(std::optional<std::ptrdiff_t> start,
                                                       std::optional<std::ptrdiff_t> stop,
                                                       std::ptrdiff_t step, std::size_t size);

/// Throws ValueError: what is assigned to a slice has another size.
[[noreturn]] MULTIPROCESSING_API void throw_other_size(std::size_t slice, std::size_t given);

/// Throws ValueError: a text is longer than its array.
[[noreturn]] MULTIPROCESSING_API void throw_too_long(std::size_t text, std::size_t array);

/// Lets equal handles hash alike.
struct HashOfMemory {
  template <class Shared>
  std::size_t operator()(const Shared& shared) const {
    return std::hash<Handle>{}(shared.memory());
  }
};

}  // namespace multiprocessing::detail
