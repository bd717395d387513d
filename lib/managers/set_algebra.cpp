#include "managers/set_algebra.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "managers/entries.hpp"
#include "managers/errors.hpp"
#include "managers/python_values.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

bool is_set(const Object& value) {
  return Access::kind(value) == Kind::set || Access::kind(value) == Kind::frozenset;
}

}  // namespace

Table set_from(const Object& iterable) {
  if (is_set(iterable)) return Access::table(iterable);
  Table made;
  for (const Object& item : elements_of(iterable)) insert_entry(made, item);
  return made;
}

const Table& set_operand(const Object& operand, std::string_view by, bool reflected) {
  if (is_set(operand)) return Access::table(operand);
  const std::string other = "'" + type_name(operand) + "'";
  if (by.find_first_of("<>") != std::string_view::npos)
    throw TypeError("'" + std::string{by} + "' not supported between instances of 'set' and " +
                    other);
  throw TypeError("unsupported operand type(s) for " + std::string{by} + ": " +
                  (reflected ? other + " and 'set'" : "'set' and " + other));
}

void add_all(Table& to, const Table& more) {
  if (more.size() > most_elements - std::min(to.size(), most_elements)) raise_too_large("the set");
  more.each([&](const Table::Entry& entry) { to.insert(entry.key, entry.hash, None); });
}

void erase_all(Table& from, const Table& which) {
  which.each([&](const Table::Entry& entry) { from.erase(entry.key, entry.hash); });
}

Table united(Table a, const Table& b) {
  add_all(a, b);
  return a;
}

Table common(const Table& a, const Table& b) {
  Table made;
  a.each([&](const Table::Entry& entry) {
    if (b.find(entry.key, entry.hash) != nullptr) made.insert(entry.key, entry.hash, None);
  });
  return made;
}

Table without(const Table& a, const Table& b) {
  Table made;
  a.each([&](const Table::Entry& entry) {
    if (b.find(entry.key, entry.hash) == nullptr) made.insert(entry.key, entry.hash, None);
  });
  return made;
}

Table in_one_only(const Table& a, const Table& b) { return united(without(a, b), without(b, a)); }

bool is_within(const Table& a, const Table& b) {
  bool all = a.size() <= b.size();
  a.each([&](const Table::Entry& entry) { all = all && b.find(entry.key, entry.hash) != nullptr; });
  return all;
}

Object set_key(const Object& key) {
  return Access::kind(key) == Kind::set ? Access::make_table(Kind::frozenset, Access::table(key))
                                        : key;
}

}  // namespace multiprocessing::detail
