// is_flat: which types may be copied byte by byte.
#pragma once

#include <type_traits>

namespace multiprocessing {

/// Whether a `T` holds no pointer, so that a copy of its bytes is a copy of the value in every
/// process. A trivially copyable class of yours opts in by
///
///     template <>
///     inline constexpr bool multiprocessing::is_flat<Particle> = true;
///
/// Aggregates need not: whether their members are flat is found out. Opting in is a promise that
/// any bytes are a valid `T`; a member of type `bool` makes it untrue.
template <class T>
inline constexpr bool is_flat = std::is_arithmetic_v<T> || std::is_enum_v<T>;

}  // namespace multiprocessing
