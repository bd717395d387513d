#include "managers/change.hpp"

#include <string>
#include <utility>

#include "managers/arithmetic.hpp"
#include "managers/errors.hpp"
#include "managers/python_values.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/mapping.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

constexpr std::string_view wrong_index = "list indices must be integers or slices";
constexpr IndexTexts reading{wrong_index, true, "list index out of range"};
constexpr IndexTexts assigning{wrong_index, true, "list assignment index out of range"};
constexpr IndexTexts of_tuple{"tuple indices must be integers or slices", true,
                              "tuple index out of range"};

Object element(const Object& value, const Object& key) {
  switch (Access::kind(value)) {
    case Kind::list:
      return Access::items(value)[place_of(key, value.size(), reading)];
    case Kind::tuple:
      return Access::items(value)[place_of(key, value.size(), of_tuple)];
    case Kind::dict: {
      const auto* entry = Access::table(value).find(key, std::hash<Object>{}(key));
      if (entry == nullptr) raise_key_error(key);
      return entry->value;
    }
    default:
      throw TypeError("'" + type_name(value) + "' object is not subscriptable");
  }
}

void set_element(Object& value, const Object& key, Object element) {
  switch (Access::kind(value)) {
    case Kind::list:
      value.set(place_of(key, value.size(), assigning), std::move(element));
      break;
    case Kind::dict:
      value.set(key, std::move(element));
      break;
    default:
      throw TypeError("'" + type_name(value) + "' object does not support item assignment");
  }
}

struct Change {
  std::string_view by;
  const Object& operand;
  std::string_view answer;
};

Object apply(Object& value, const Change& change) {
  Object before = change.answer == "old" ? value : Object{None};
  assign(value, change.by, change.operand);
  return change.answer == "new" ? value : before;
}

/// An element is taken out of its container while it is changed, so that nothing else refers to its
/// contents and they need not be copied.
Object apply_inside(Object& value, std::span<const Object> path, const Change& change) {
  if (path.empty()) return apply(value, change);
  const Object& key = path.front();
  if (path.size() == 1 && change.by == "=" && change.answer.empty()) {
    set_element(value, key, change.operand);
    return None;
  }
  Object inner = element(value, key);
  set_element(value, key, None);
  try {
    Object answer = apply_inside(inner, path.subspan(1), change);
    set_element(value, key, std::move(inner));
    return answer;
  } catch (...) {
    set_element(value, key, std::move(inner));
    throw;
  }
}

std::string_view text_of(const Object& value, std::string_view what) {
  if (const std::string* text = ObjectParts::text(value)) return *text;
  throw TypeError("the " + std::string{what} + " is a str, not " + type_name(value));
}

}  // namespace

const std::vector<Object>& path_of(const Object& path) {
  if (Access::kind(path) != Kind::tuple)
    throw TypeError("the path to an element is a tuple, not " + type_name(path));
  return Access::items(path);
}

const Object& first_of(std::span<const Object> path) {
  if (path.empty()) throw ValueError("the path to an element is empty");
  return path.front();
}

Object find_inside(Object value, std::span<const Object> path) {
  for (const Object& key : path) value = element(value, key);
  return value;
}

Object change_inside(Object& value, std::span<const Object> path, const std::vector<Object>& args) {
  const Change change{text_of(args[1], "operator"), args[2],
                      args.size() > 3 ? text_of(args[3], "answer") : std::string_view{}};
  // What is put together below stays within the depth, so that no step of it fails halfway.
  if (path.size() + Access::depth(change.operand) + 1 >= deepest)
    throw ValueError("values are nested deeper than " + std::to_string(deepest));
  return apply_inside(value, path, change);
}

Object compare_and_set_inside(Object& value, std::span<const Object> path,
                              const std::vector<Object>& args) {
  Object now = find_inside(value, path);
  if (now != args[1]) return Object::tuple({false, std::move(now)});
  now = None;
  (void)change_inside(value, path, {None, "=", args[2]});
  return Object::tuple({true, args[2]});
}

}  // namespace multiprocessing::detail
