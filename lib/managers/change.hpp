// Changes of one element in one request, at any depth: d["user"]["health"] -= 20.
#pragma once

#include <span>
#include <vector>

#include "managers/referent.hpp"

namespace multiprocessing::detail {

/// The keys that lead to an element, from outside inwards. Throws TypeError for what is no tuple.
[[nodiscard]] const std::vector<Object>& path_of(const Object& path);

/// What is found under the keys. Throws Python's KeyError, IndexError and TypeError.
[[nodiscard]] Object find_inside(Object value, std::span<const Object> path);

/// (path, operator, operand, answer): changes what lies under the keys in a value. Nothing is
/// changed when it throws. Gives the element as it is now for the answer "new", as it was for
/// "old", and None without one.
[[nodiscard]] Object change_inside(Object& value, std::span<const Object> path,
                                   const std::vector<Object>& args);

/// (path, expected, wanted): sets the element when it equals what is expected. Gives whether, and
/// what it is now.
[[nodiscard]] Object compare_and_set_inside(Object& value, std::span<const Object> path,
                                            const std::vector<Object>& args);

/// The first of them. Throws ValueError where there is none.
[[nodiscard]] const Object& first_of(std::span<const Object> path);

/// The same for a referent, which finds its own element by the first key.
template <class Find>
[[nodiscard]] Outcome change_element(const Call& call, Find find) {
  const std::span<const Object> path = path_of(call.args[0]);
  return change_inside(find(first_of(path)), path.subspan(1), call.args);
}

template <class Find>
[[nodiscard]] Outcome compare_and_set_element(const Call& call, Find find) {
  const std::span<const Object> path = path_of(call.args[0]);
  return compare_and_set_inside(find(first_of(path)), path.subspan(1), call.args);
}

}  // namespace multiprocessing::detail
