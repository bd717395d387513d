// Sets put together from sets.
#pragma once

#include <span>
#include <string_view>

#include "multiprocessing/pickle/object.hpp"
#include "pickle/table.hpp"

namespace multiprocessing::detail {

/// The elements of anything that can be iterated. Throws TypeError for what cannot be, and for
/// elements that Python cannot hash.
[[nodiscard]] Table set_from(const Object& iterable);

/// The elements of a set or frozenset, as an operand: the other one is a set. Throws TypeError as
/// the operator does for what is none; `reflected`: it stands on the left.
[[nodiscard]] const Table& set_operand(const Object& operand, std::string_view by,
                                       bool reflected = false);

/// Throws MemoryError, with nothing added, where there would be too many.
void add_all(Table& to, const Table& more);
void erase_all(Table& from, const Table& which);

[[nodiscard]] Table united(Table a, const Table& b);
[[nodiscard]] Table common(const Table& a, const Table& b);
[[nodiscard]] Table without(const Table& a, const Table& b);
[[nodiscard]] Table in_one_only(const Table& a, const Table& b);

/// Whether all elements of a are in b.
[[nodiscard]] bool is_within(const Table& a, const Table& b);

/// What is looked for in a set: Python looks for the frozenset where it is given a set.
[[nodiscard]] Object set_key(const Object& key);

}  // namespace multiprocessing::detail
