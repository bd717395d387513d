// wait: which of several things are ready.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

class Connection;
class Waitable;

namespace detail {

class ConnectionCore;
class RingsOf;

/// Which of them are ready, by index and in order.
[[nodiscard]] MULTIPROCESSING_API std::vector<std::size_t> wait_for(
    std::span<const Waitable> objects, Timeout timeout);

}  // namespace detail

/// What `wait` takes: a descriptor, such as a sentinel, or what has a `fileno()` (`Connection`,
/// `Listener`, queues) or a `sentinel()` (`Process`, `ProcessHandle`).
class MULTIPROCESSING_API Waitable {
 public:
  Waitable(int descriptor) noexcept : descriptor_(descriptor) {}
  Waitable(const Connection& connection);
  template <class T>
  requires requires(const T& object) {
    { object.fileno() } -> std::same_as<int>;
  }
  Waitable(const T& object) : descriptor_(object.fileno()) {}
  template <class T>
  requires requires(const T& object) {
    { object.sentinel() } -> std::same_as<int>;
  }
  Waitable(const T& object) : descriptor_(object.sentinel()) {}

  [[nodiscard]] int fileno() const noexcept { return descriptor_; }

  friend bool operator==(const Waitable& one, const Waitable& other) noexcept {
    return one.descriptor_ == other.descriptor_;
  }

 private:
  friend class detail::RingsOf;

  int descriptor_;
  std::weak_ptr<detail::ConnectionCore> connection_;  // its ring may hold what no bell tells of
};

namespace detail {

template <class T>
consteval auto ready_kind() {
  if constexpr (std::copy_constructible<T>) {
    return std::type_identity<T>{};
  } else if constexpr (requires(const T& object) { object.handle(); }) {
    return std::type_identity<decltype(std::declval<const T&>().handle())>{};
  } else {
    return std::type_identity<Waitable>{};
  }
}
/// What tells that a `T` is ready.
template <class T>
using ready_t = typename decltype(ready_kind<T>())::type;

}  // namespace detail

/// Waits until at least one of the objects is ready to be read or has ended, and gives all that
/// are, in their order; none when `timeout` has passed. After Python's
/// `multiprocessing.connection.wait`.
///
///     for (mp::Connection& ready : mp::wait(connections)) ...
///
/// What cannot be copied is told by its handle, such as the `ProcessHandle`s of a
/// `std::vector<Process>`, or else as a `Waitable`, which compares equal with it.
///
/// Throws `OSError` when one is closed, `KeyError` when one stands there twice, `ValueError` when
/// there is nothing to wait for and no end to it.
template <std::ranges::forward_range R>
requires std::convertible_to<std::ranges::range_reference_t<const R>, Waitable>
    std::vector<detail::ready_t<std::ranges::range_value_t<R>>> wait(
        const R& objects, Timeout timeout = Timeout::infinite) {
  std::vector<Waitable> waited_for;
  for (const auto& object : objects) waited_for.emplace_back(object);
  const std::vector<std::size_t> indices = detail::wait_for(waited_for, timeout);
  std::vector<detail::ready_t<std::ranges::range_value_t<R>>> ready;
  auto next = indices.begin();
  std::size_t index = 0;
  for (const auto& object : objects) {
    if (next == indices.end()) break;
    if (index++ != *next) continue;
    if constexpr (std::copy_constructible<std::ranges::range_value_t<R>>)
      ready.push_back(object);
    else if constexpr (requires { object.handle(); })
      ready.push_back(object.handle());
    else
      ready.push_back(waited_for[*next]);
    ++next;
  }
  return ready;
}

/// The same for objects of several kinds: `mp::wait({conn, child, fd})`. What comes back compares
/// equal with what it was made from.
inline std::vector<Waitable> wait(std::initializer_list<Waitable> objects,
                                  Timeout timeout = Timeout::infinite) {
  return wait<std::initializer_list<Waitable>>(objects, timeout);
}

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Waitable> {
  std::size_t operator()(const multiprocessing::Waitable& object) const noexcept {
    return std::hash<int>{}(object.fileno());
  }
};
