// The members of an aggregate, found without help: how many there are, and each of them in turn.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

// Converts to whatever a member is. Never called; clang wants a definition all the same where the
// member's type has no linkage.
struct Anything {
  template <class T>
  operator T() const noexcept {
    __builtin_unreachable();
  }
};

template <class Derived>
struct AnyBaseOf {
  template <class T>
  requires(std::is_base_of_v<T, Derived> && !std::is_same_v<T, Derived>) operator T()
      const noexcept;
};

template <std::size_t>
using AnythingAt = Anything;

template <std::size_t, class Probe>
using ProbeAt = Probe;

/// Whether a member, or an element of an array, is of a type that `Probe` converts to with
/// `noexcept(false)`. A structured binding of a class with an unnamed union does not compile.
template <class T, class Probe, std::size_t... I>
consteval bool has_refused(std::index_sequence<I...>) {
  return requires {
    {
      T { AnythingAt<I>{}... }
    }
    noexcept;
  }
  &&!requires {
    {
      T { ProbeAt<I, Probe>{}... }
    }
    noexcept;
  };
}

template <class T, std::size_t... I>
consteval bool takes(std::index_sequence<I...>) {
  return requires { T{AnythingAt<I>{}...}; };
}

template <class T, std::size_t... Before, std::size_t... After>
consteval bool takes(std::index_sequence<Before...>, std::index_sequence<After...>) {
  return requires { T{AnythingAt<Before>{}..., {}, AnythingAt<After>{}...}; };
}

// More than that many values in one aggregate, arrays in it counted out, and we do not look.
inline constexpr std::size_t most_initialisers = 256;
inline constexpr std::size_t most_members = 16;
inline constexpr std::size_t not_counted = static_cast<std::size_t>(-1);

/// How many values `T{...}` takes at most. An array member takes as many as it has elements.
template <class T, std::size_t N = 0, bool Found = false>
consteval std::size_t count_initialisers() {
  if constexpr (N > most_initialisers) {
    return not_counted;
  } else if constexpr (takes<T>(std::make_index_sequence<N>{})) {
    return count_initialisers<T, N + 1, true>();
  } else if constexpr (Found) {
    return N - 1;
  } else {
    return count_initialisers<T, N + 1, false>();
  }
}

/// How many of the values from `At` on belong to one array member: `{}` stands for all of them, so
/// that fewer fit behind it. 1 for any other member.
template <class T, std::size_t Total, std::size_t At, std::size_t Size = 1>
consteval std::size_t count_in_member() {
  if constexpr (At + Size > Total) {
    return 1;  // it cannot be made from {}
  } else if constexpr (takes<T>(std::make_index_sequence<At>{},
                                std::make_index_sequence<Total - At - Size>{})) {
    return Size;
  } else {
    return count_in_member<T, Total, At, Size + 1>();
  }
}

template <class T, std::size_t Total, std::size_t At = 0, std::size_t Members = 0>
consteval std::size_t count_members_from() {
  if constexpr (At == Total) {
    return Members;
  } else {
    return count_members_from<T, Total, At + count_in_member<T, Total, At>(), Members + 1>();
  }
}

/// How many members the aggregate has; `not_counted` when it has bases or too many, or
/// one that the probe refuses.
template <class T, class Probe = Anything>
consteval std::size_t count_members() {
  if constexpr (!std::is_aggregate_v<T> || std::is_union_v<T> || std::is_array_v<T>) {
    return not_counted;
  } else if constexpr (requires { T{AnyBaseOf<T>{}}; }) {
    return not_counted;
  } else {
    constexpr std::size_t total = count_initialisers<T>();
    if constexpr (total == not_counted) {
      return not_counted;
    } else if constexpr (has_refused<T, Probe>(std::make_index_sequence<total>{})) {
      return not_counted;
    } else {
      constexpr std::size_t members = count_members_from<T, total>();
      return members > most_members ? not_counted : members;
    }
  }
}

/// Calls `visit` with all members of `object` at once.
template <class T, class Visit>
constexpr decltype(auto) with_members(T& object, Visit&& visit) {
  constexpr std::size_t count = count_members<std::remove_const_t<T>>();
  static_assert(count <= most_members);
  if constexpr (count == 0) {
    return visit();
  } else if constexpr (count == 1) {
    auto& [a] = object;
    return visit(a);
  } else if constexpr (count == 2) {
    auto& [a, b] = object;
    return visit(a, b);
  } else if constexpr (count == 3) {
    auto& [a, b, c] = object;
    return visit(a, b, c);
  } else if constexpr (count == 4) {
    auto& [a, b, c, d] = object;
    return visit(a, b, c, d);
  } else if constexpr (count == 5) {
    auto& [a, b, c, d, e] = object;
    return visit(a, b, c, d, e);
  } else if constexpr (count == 6) {
    auto& [a, b, c, d, e, f] = object;
    return visit(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    auto& [a, b, c, d, e, f, g] = object;
    return visit(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    auto& [a, b, c, d, e, f, g, h] = object;
    return visit(a, b, c, d, e, f, g, h);
  } else if constexpr (count == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = object;
    return visit(a, b, c, d, e, f, g, h, i);
  } else if constexpr (count == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = object;
    return visit(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (count == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = object;
    return visit(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (count == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = object;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (count == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = object;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (count == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = object;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (count == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = object;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = object;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  }
}

/// A list of types, to pass along.
template <class... T>
struct Types {
  static constexpr std::size_t count = sizeof...(T);
};

// References to constants bind to copies of bit-fields.
struct TypesOfMembers {
  template <class... M>
  constexpr Types<M...> operator()(const M&...) const {
    return {};
  }
};

/// The types of the members of an aggregate, arrays as arrays.
template <class T>
using members_of = decltype(with_members(std::declval<T&>(), TypesOfMembers{}));

}  // namespace multiprocessing::detail
