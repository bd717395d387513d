#include "multiprocessing/pickle/mapping.hpp"

#include <cxxabi.h>

#include <cmath>
#include <cstdlib>
#include <memory>

#include "multiprocessing/base/errors.hpp"
#include "pickle/array.hpp"
#include "pickle/integers.hpp"
#include "pickle/names.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

constexpr std::size_t most_shown = 60;

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at))
    text.replace(at, what.size(), by);
}

std::string spelled(const std::type_info& type) {
  const std::unique_ptr<char, void (*)(void*)> name{
      abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr), &std::free};
  std::string text = name == nullptr ? type.name() : name.get();
  replace_all(text,
              "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
              "std::string");
  replace_all(text, ", std::allocator<std::string >", "");
  return text;
}

}  // namespace

std::optional<bool> ObjectParts::truth(const Object& value) {
  if (Access::kind(value) != Kind::truth) return std::nullopt;
  return Access::truth(value);
}

std::optional<std::int64_t> ObjectParts::integer(const Object& value) {
  if (Access::kind(value) == Kind::truth) return Access::truth(value) ? 1 : 0;
  if (Access::kind(value) != Kind::integer) return std::nullopt;
  return Access::integer(value);
}

std::optional<std::uint64_t> ObjectParts::natural(const Object& value) {
  if (const auto small = integer(value); small && *small >= 0)
    return static_cast<std::uint64_t>(*small);
  if (Access::kind(value) != Kind::large) return std::nullopt;
  // A ninth byte holds the sign alone.
  const std::string_view bytes = Access::text(value);
  if (bytes.size() != 9 || bytes.back() != '\0') return std::nullopt;
  return static_cast<std::uint64_t>(*small_integer(bytes.substr(0, 8)));
}

std::optional<double> ObjectParts::real(const Object& value) {
  if (Access::kind(value) == Kind::real) return Access::real(value);
  if (const auto small = integer(value)) return static_cast<double>(*small);
  if (Access::kind(value) != Kind::large) return std::nullopt;
  const double large = integer_as_double(Access::text(value));
  return std::isinf(large) ? std::nullopt : std::optional{large};
}

const std::string* ObjectParts::text(const Object& value) {
  return Access::kind(value) == Kind::text ? &Access::text(value) : nullptr;
}

const std::string* ObjectParts::bytes(const Object& value) {
  const Kind kind = Access::kind(value);
  return kind == Kind::bytes || kind == Kind::bytearray ? &Access::text(value) : nullptr;
}

const std::vector<Object>* ObjectParts::sequence(const Object& value) {
  const Kind kind = Access::kind(value);
  return kind == Kind::list || kind == Kind::tuple ? &Access::items(value) : nullptr;
}

std::optional<std::vector<Object>> ObjectParts::array(const Object& value) {
  if (Access::kind(value) != Kind::instance) return std::nullopt;
  const auto& node = Access::node<InstanceNode>(value);
  if (node.name->module != "array") return std::nullopt;
  return array_items(Access::text(node.args[0])[0], Access::text(node.args[1]));
}

std::optional<std::vector<Object>> ObjectParts::set(const Object& value) {
  const Kind kind = Access::kind(value);
  if (kind != Kind::set && kind != Kind::frozenset) return std::nullopt;
  std::vector<Object> items;
  items.reserve(value.size());
  Access::table(value).each([&](const Table::Entry& entry) { items.push_back(entry.key); });
  return items;
}

void ObjectParts::throw_misfit(const Object& value, const std::type_info& wanted) {
  std::string shown = repr(value);
  if (shown.size() > most_shown) shown = shown.substr(0, most_shown) + "...";
  throw SerializationError("a value of type " + value.type() + " does not fit into " +
                           spelled(wanted) + ": " + shown);
}

}  // namespace multiprocessing::detail
