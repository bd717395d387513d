#include "managers/python_values.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "managers/errors.hpp"
#include "managers/referent.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/mapping.hpp"
#include "pickle/names.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

const InstanceNode* instance(const Object& value, std::string_view name) {
  if (Access::kind(value) != Kind::instance) return nullptr;
  const auto& node = Access::node<InstanceNode>(value);
  return node.name->name == name ? &node : nullptr;
}

/// Characters of a str, each a str.
std::vector<Object> characters(std::string_view text) {
  std::vector<Object> items;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t next = at + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xc0U) == 0x80U) ++next;
    items.emplace_back(text.substr(at, next - at));
    at = next;
  }
  return items;
}

std::vector<Object> numbers_of_range(const InstanceNode& range) {
  const std::int64_t start = clamped(range.args[0]);
  const std::int64_t stop = clamped(range.args[1]);
  const std::int64_t step = clamped(range.args[2]);
  std::vector<Object> items;
  if (step == 0) throw ValueError("range() arg 3 must not be zero");
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (items.size() == most_elements) raise_too_large("a range");
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return items;
}

/// What is left of a list's iterator.
std::vector<Object> rest_of(const InstanceNode& iterator, bool backwards) {
  const std::vector<Object>& all = Access::items(iterator.args[0]);
  const auto size = static_cast<std::int64_t>(all.size());
  if (!backwards) {
    const std::int64_t from = iterator.state.is_none() ? 0 : clamped(iterator.state);
    return {all.begin() + std::clamp<std::int64_t>(from, 0, size), all.end()};
  }
  const std::int64_t last = iterator.state.is_none() ? size - 1 : clamped(iterator.state);
  std::vector<Object> items(all.begin(), all.begin() + std::clamp<std::int64_t>(last + 1, 0, size));
  std::reverse(items.begin(), items.end());
  return items;
}

std::optional<std::vector<Object>> elements_of_instance(const Object& value) {
  if (const auto* range = instance(value, "range")) return numbers_of_range(*range);
  if (const auto* iterator = instance(value, "iter")) return rest_of(*iterator, false);
  if (const auto* iterator = instance(value, "reversed")) return rest_of(*iterator, true);
  return ObjectParts::array(value);
}

std::optional<std::vector<Object>> elements_if_any(const Object& value) {
  switch (Access::kind(value)) {
    case Kind::list:
    case Kind::tuple:
      return Access::items(value);
    case Kind::set:
    case Kind::frozenset:
    case Kind::dict: {
      std::vector<Object> keys;
      keys.reserve(Access::table(value).size());
      Access::table(value).each([&](const Table::Entry& entry) { keys.push_back(entry.key); });
      return keys;
    }
    case Kind::text:
      return characters(Access::text(value));
    case Kind::bytes:
    case Kind::bytearray: {
      std::vector<Object> items;
      for (const char c : Access::text(value)) items.emplace_back(static_cast<unsigned char>(c));
      return items;
    }
    default:
      return elements_of_instance(value);
  }
}

bool is_number(Kind kind) {
  return kind == Kind::truth || kind == Kind::integer || kind == Kind::real || kind == Kind::large;
}

bool less_sequences(const std::vector<Object>& a, const std::vector<Object>& b) {
  const auto [one, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (one == a.end() || other == b.end()) return a.size() < b.size();
  return less(*one, *other);
}

/// A set is less than those that have all it has, and more.
bool less_sets(const Table& a, const Table& b) {
  if (a.size() >= b.size()) return false;
  bool all = true;
  a.each([&](const Table::Entry& entry) { all = all && b.find(entry.key, entry.hash) != nullptr; });
  return all;
}

std::int64_t cut(std::int64_t bound, std::int64_t lowest, std::int64_t highest) {
  return std::clamp(bound, lowest, highest);
}

/// A bound of a slice, where it is not None.
std::optional<std::int64_t> slice_part(const Object& part) {
  if (part.is_none()) return std::nullopt;
  if (!is_int(part))
    throw TypeError("slice indices must be integers or None or have an __index__ method");
  return clamped(part);
}

}  // namespace

std::string type_name(const Object& value) {
  if (const auto* proxy = instance(value, "RebuildProxy")) {
    const Object& of_class = Access::items(proxy->args)[0];
    return std::string{Access::node<NameNode>(of_class).name->name};
  }
  if (instance(value, "iter") != nullptr) return "list_iterator";
  if (instance(value, "reversed") != nullptr) return "list_reverseiterator";
  return value.type();
}

std::vector<Object> elements_of(const Object& iterable) {
  if (auto elements = elements_if_any(iterable)) return *std::move(elements);
  throw TypeError("'" + type_name(iterable) + "' object is not iterable");
}

bool is_iterable(const Object& value) {
  if (Access::kind(value) < Kind::text) return false;
  if (Access::kind(value) < Kind::instance) return true;
  return instance(value, "range") != nullptr || instance(value, "iter") != nullptr ||
         instance(value, "reversed") != nullptr || instance(value, "array") != nullptr;
}

bool less(const Object& a, const Object& b) {
  const Kind kind = Access::kind(a);
  const Kind other = Access::kind(b);
  if (is_number(kind) && is_number(other)) {
    const auto is_nan = [](const Object& each) {
      return Access::kind(each) == Kind::real && Access::real(each) != Access::real(each);
    };
    return !is_nan(a) && !is_nan(b) && a < b;
  }
  if (kind == other && kind == Kind::text) return Access::text(a) < Access::text(b);
  const auto is_bytes = [](Kind each) { return each == Kind::bytes || each == Kind::bytearray; };
  if (is_bytes(kind) && is_bytes(other)) return Access::text(a) < Access::text(b);
  if (kind == other && (kind == Kind::list || kind == Kind::tuple))
    return less_sequences(Access::items(a), Access::items(b));
  const auto is_set = [](Kind each) { return each == Kind::set || each == Kind::frozenset; };
  if (is_set(kind) && is_set(other)) return less_sets(Access::table(a), Access::table(b));
  throw TypeError("'<' not supported between instances of '" + type_name(a) + "' and '" +
                  type_name(b) + "'");
}

bool is_int(const Object& value) noexcept {
  const Kind kind = Access::kind(value);
  return kind == Kind::integer || kind == Kind::truth || kind == Kind::large;
}

std::int64_t clamped(const Object& integer) {
  if (const auto small = ObjectParts::integer(integer)) return *small;
  const bool negative = (static_cast<unsigned char>(Access::text(integer).back()) & 0x80U) != 0;
  using Limits = std::numeric_limits<std::int64_t>;
  return negative ? Limits::min() : Limits::max();
}

std::int64_t integer_of(const Object& value, std::string_view overflow, std::string_view text) {
  if (!is_int(value))
    throw TypeError("'" + type_name(value) + "' object cannot be interpreted as an integer");
  if (Access::kind(value) == Kind::large) throw PythonError(overflow, {text});
  return *ObjectParts::integer(value);
}

std::size_t place_of(const Object& index, std::size_t size, const IndexTexts& texts) {
  if (!is_int(index))
    throw TypeError(std::string{texts.wrong_type} +
                    (texts.names_type ? ", not " + type_name(index) : ""));
  std::int64_t place = integer_of(index, "IndexError");
  if (place < 0) place += static_cast<std::int64_t>(size);
  if (place < 0 || place >= static_cast<std::int64_t>(size))
    throw IndexError(std::string{texts.out_of_range});
  return static_cast<std::size_t>(place);
}

bool is_slice(const Object& value) { return instance(value, "slice") != nullptr; }

Slice slice_of(const Object& slice, std::size_t size) {
  const std::vector<Object>& parts = Access::items(Access::node<InstanceNode>(slice).args);
  const auto length = static_cast<std::int64_t>(size);
  std::int64_t step = slice_part(parts[2]).value_or(1);
  if (step == 0) throw ValueError("slice step cannot be zero");
  step = std::max(step, -std::numeric_limits<std::int64_t>::max());
  // Forwards a slice begins at 0 and ends before the length, backwards at the last and before 0.
  const std::int64_t lowest = step > 0 ? 0 : -1;
  const std::int64_t highest = step > 0 ? length : length - 1;
  const auto bound = [&](const Object& part, std::int64_t otherwise) {
    const auto given = slice_part(part);
    if (!given) return otherwise;
    return cut(*given < 0 ? *given + length : *given, lowest, highest);
  };
  const std::int64_t start = bound(parts[0], step > 0 ? lowest : highest);
  const std::int64_t stop = bound(parts[1], step > 0 ? highest : lowest);
  std::int64_t count = 0;
  if (step > 0 && start < stop) count = (stop - start - 1) / step + 1;
  if (step < 0 && stop < start) count = (start - stop - 1) / -step + 1;
  return {start, stop, step, static_cast<std::size_t>(count)};
}

std::size_t bound_of(const Object& bound, std::size_t size) {
  if (!is_int(bound)) throw TypeError("slice indices must be integers or have an __index__ method");
  std::int64_t place = clamped(bound);
  if (place < 0) place += static_cast<std::int64_t>(size);
  return static_cast<std::size_t>(cut(place, 0, static_cast<std::int64_t>(size)));
}

Object iterator_over(std::vector<Object> items) {
  return Access::make_instance(*find_name("builtins", "iter"),
                               Object::tuple({Object::list(std::move(items))}));
}

Object reversed_list(std::vector<Object> items) {
  Object last = static_cast<std::int64_t>(items.size()) - 1;
  return Access::make_instance(*find_name("builtins", "reversed"),
                               Object::tuple({Object::list(std::move(items))}), std::move(last));
}

}  // namespace multiprocessing::detail
