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

namespace detail {

template <class T>
concept HasFileno = requires(const T& object) {
  { object.fileno() } -> std::same_as<int>;
};
template <class T>
concept HasSentinel = requires(const T& object) {
  { object.sentinel() } -> std::same_as<int>;
};

// A constant and no concept: of a concept the compiler would say why it does not hold.
template <class T>
inline constexpr bool can_be_waited_for =
    std::is_convertible_v<const T&, int> || std::is_convertible_v<const T&, const Connection&> ||
    std::is_same_v<T, Waitable> || HasFileno<T> || HasSentinel<T>;

/// Compiles if a `T` can be waited for; otherwise says what can.
template <class T>
consteval void check_waitable() {
  static_assert(
      can_be_waited_for<T>,
      "multiprocessing: mp::wait takes a list or range of things to wait for: Connection, "
      "Listener, Process, ProcessHandle, queues, Signals, descriptors, or what has a "
      "`fileno()` or `sentinel()` that gives an int.");
}

/// What is no list; only to say so.
struct NoRange {
  template <class T>
  requires(!std::ranges::range<T>) NoRange(const T& object);
};

}  // namespace detail

/// What `wait` takes: a descriptor, such as a sentinel, or what has a `fileno()` (`Connection`,
/// `Listener`, queues) or a `sentinel()` (`Process`, `ProcessHandle`).
class MULTIPROCESSING_API Waitable {
 public:
  Waitable(int descriptor) noexcept : descriptor_(descriptor) {}
  Waitable(const Connection& connection);
  template <detail::HasFileno T>
  Waitable(const T& object) : descriptor_(object.fileno()) {}
  template <detail::HasSentinel T>
  Waitable(const T& object) : descriptor_(object.sentinel()) {}
  /// Of anything else it is not made; the compiler says what can be waited for.
  template <class T>
  requires(!detail::can_be_waited_for<T>) Waitable(const T&) { detail::check_waitable<T>(); }

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
std::vector<detail::ready_t<std::ranges::range_value_t<R>>> wait(
    const R& objects, Timeout timeout = Timeout::infinite) {
  detail::check_waitable<std::ranges::range_value_t<R>>();
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

/// One thing alone is waited for as a list of it: `mp::wait({child})`.
template <class Object = detail::NoRange>
void wait(detail::NoRange, Timeout = Timeout::infinite) {
  detail::check_waitable<Object>();
}

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Waitable> {
  std::size_t operator()(const multiprocessing::Waitable& object) const noexcept {
    return std::hash<int>{}(object.fileno());
  }
};
