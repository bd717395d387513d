// The members of an aggregate that can be sent.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "multiprocessing/detail/members.hpp"
#include "multiprocessing/reduction/is_flat.hpp"
#include "multiprocessing/reduction/serializer.hpp"

namespace multiprocessing::detail {

/// A union of which it is not known what its bytes mean.
template <class T>
inline constexpr bool is_opaque_union = std::is_union_v<T> && !is_flat<T> && !requires {
  sizeof(Serializer<T>);
};

// Anything, and tells by `noexcept` whether it became such a union.
struct AnythingButUnion {
  template <class T>
  operator T() const noexcept(!is_opaque_union<T>) {
    __builtin_unreachable();
  }
};

/// How many members the aggregate has; `not_counted` when it cannot be taken apart.
template <class T>
inline constexpr std::size_t member_count = count_members<T, AnythingButUnion>();

// Room for a `T` that is not there: its members can be referred to but not be read.
template <class T>
union Room {
  constexpr Room() : nothing{} {}
  constexpr ~Room() {}
  char nothing;
  T value;
};

template <class T>
consteval bool has_room() {
  [[maybe_unused]] const Room<T> room;
  return true;
}

template <class T>
consteval bool refer_to_members() {
  Room<T> room;
  return with_members(room.value, [](const auto&...) { return true; });
}

/// Whether references to all members can be had. Not to bit-fields, nor (in g++) to members of
/// packed classes: what `const auto&` binds to there is a copy, for which the value is read. Clang
/// cannot look into classes with a destructor that is not constexpr, which count as usual ones.
template <class T>
inline constexpr bool has_references = requires {
  typename std::bool_constant<refer_to_members<T>()>;
}
|| !requires { typename std::bool_constant<has_room<T>()>; };

}  // namespace multiprocessing::detail
