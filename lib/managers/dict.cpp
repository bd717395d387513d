#include "managers/dict.hpp"

#include <algorithm>

#include "managers/change.hpp"
#include "managers/entries.hpp"
#include "managers/errors.hpp"
#include "managers/python_values.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;
using Pairs = std::vector<std::pair<Object, Object>>;

/// An element of a sequence that a dict is made from.
std::pair<Object, Object> pair_of(const Object& element, std::size_t number) {
  const std::string named = "dictionary update sequence element #" + std::to_string(number);
  if (!is_iterable(element)) throw TypeError("cannot convert " + named + " to a sequence");
  const std::vector<Object> parts = elements_of(element);
  if (parts.size() != 2)
    throw ValueError(named + " has length " + std::to_string(parts.size()) + "; 2 is required");
  return {parts[0], parts[1]};
}

/// What `update` and dict() are given: a dict or pairs, and keywords. Each key can be hashed, so
/// that nothing fails once the first is inserted.
Pairs pairs_of(const std::vector<Object>& args, const Object& kwds) {
  Pairs pairs;
  if (!args.empty() && Access::kind(args[0]) == Kind::dict) {
    pairs = args[0].items();
  } else if (!args.empty()) {
    const std::vector<Object> elements = elements_of(args[0]);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      pairs.push_back(pair_of(elements[i], i));
      (void)hash_of_key(pairs.back().first);
    }
  }
  for (auto& item : kwds.items()) pairs.push_back(std::move(item));
  return pairs;
}

void insert_all(Table& table, const Pairs& pairs) {
  if (pairs.size() > most_elements - std::min(table.size(), most_elements))
    raise_too_large("the dict");
  for (const auto& [key, value] : pairs) insert_entry(table, key, value);
}

const Object& checked_operand(const Object& operand, bool left) {
  if (Access::kind(operand) == Kind::dict) return operand;
  const std::string other = "'" + type_name(operand) + "'";
  throw TypeError("unsupported operand type(s) for |: " +
                  (left ? "'dict' and " + other : other + " and 'dict'"));
}

Object shown_item(const Table::Entry& entry) { return Object::tuple({entry.key, entry.value}); }

}  // namespace

std::span<const Method<Dict>> Dict::table() {
  static constexpr Method<Dict> methods[] = {
      {{"__getitem__", Form::one, 1}, &Dict::get_item},
      {{"__setitem__", Form::spaced_wrapper, 2}, &Dict::set_item},
      {{"get", Form::range, 1, 2}, &Dict::get},
      {{"__contains__", Form::one, 1}, &Dict::contains},
      {{"__delitem__", Form::wrapper, 1}, &Dict::delete_item},
      {{"__ior__", Form::wrapper, 1, 1, Proxies::looked_into}, &Dict::merge_in_place},
      {{"__iter__", Form::wrapper, 0}, &Dict::iterate},
      {{"__len__", Form::wrapper, 0}, &Dict::length},
      {{"__or__", Form::wrapper, 1, 1, Proxies::looked_into}, &Dict::merge},
      {{"__reversed__", Form::none}, &Dict::reversed},
      {{"__ror__", Form::wrapper, 1, 1, Proxies::looked_into}, &Dict::merge_into},
      {{"clear", Form::none}, &Dict::clear},
      {{"copy", Form::none}, &Dict::copy},
      {{"fromkeys", Form::range, 1, 2}, &Dict::from_keys},
      {{"items", Form::none}, &Dict::items},
      {{"keys", Form::none}, &Dict::keys},
      {{"pop", Form::range, 1, 2}, &Dict::pop},
      {{"popitem", Form::none}, &Dict::pop_item},
      {{"setdefault", Form::range, 1, 2}, &Dict::set_default},
      {{"update", Form::own, 0, 0, Proxies::looked_into}, &Dict::update},
      {{"values", Form::none}, &Dict::values},
      {{"#CHUNK", Form::range, 2, 3}, &Dict::chunk},
      {{"#CHANGE", Form::range, 3, 4}, &Dict::change},
      {{"#COMPARE_AND_SET", Form::range, 3}, &Dict::compare_and_set},
      {{"#ERASE", Form::range, 1}, &Dict::erase},
  };
  return methods;
}

std::shared_ptr<Referent> Dict::make(const std::vector<Object>& args, const Object& kwds) {
  check_constructor(type, args, Object::dict());
  Table entries;
  insert_all(entries, pairs_of(args, kwds));
  return std::make_shared<Dict>(std::move(entries));
}

std::string Dict::repr() const { return multiprocessing::repr(value()); }

Object Dict::value() const { return Access::make_table(Kind::dict, entries_); }

void Dict::for_each_value(const std::function<void(const Object&)>& look) const {
  entries_.each([&](const Table::Entry& entry) {
    look(entry.key);
    look(entry.value);
  });
}

Outcome Dict::get_item(const Call& call) { return Object{element(call.args[0])}; }

Object& Dict::element(const Object& key) {
  Object* found = entries_.find_value(key, hash_of_key(key));
  if (found == nullptr) raise_key_error(key);
  return *found;
}

Outcome Dict::set_item(const Call& call) {
  insert_entry(entries_, call.args[0], call.args[1]);
  return None;
}

Outcome Dict::get(const Call& call) {
  const Table::Entry* found = entries_.find(call.args[0], hash_of_key(call.args[0]));
  if (found != nullptr) return found->value;
  return call.args.size() > 1 ? call.args[1] : Object{None};
}

Outcome Dict::contains(const Call& call) {
  return entries_.find(call.args[0], hash_of_key(call.args[0])) != nullptr;
}

Outcome Dict::delete_item(const Call& call) {
  if (!entries_.erase(call.args[0], hash_of_key(call.args[0]))) raise_key_error(call.args[0]);
  return None;
}

Outcome Dict::merge_in_place(const Call& call) {
  insert_all(entries_, pairs_of(call.args, call.kwds));
  return value();
}

Outcome Dict::iterate(const Call&) {
  return iterator_over_keys({shared_from_this(), &entries_}, type, "dict_keyiterator");
}

Outcome Dict::length(const Call&) { return entries_.size(); }

Outcome Dict::merge(const Call& call) {
  Table sum = entries_;
  insert_all(sum, checked_operand(call.args[0], true).items());
  return Access::make_table(Kind::dict, std::move(sum));
}

Outcome Dict::merge_into(const Call& call) {
  Table sum = Access::table(checked_operand(call.args[0], false));
  insert_all(sum, value().items());
  return Access::make_table(Kind::dict, std::move(sum));
}

Outcome Dict::reversed(const Call&) {
  std::vector<Object> found = keys_of(entries_);
  std::reverse(found.begin(), found.end());
  return iterator_over(std::move(found));
}

Outcome Dict::clear(const Call&) {
  entries_ = {};
  return None;
}

Outcome Dict::copy(const Call&) { return value(); }

Outcome Dict::from_keys(const Call& call) {
  Table made;
  for (const Object& key : elements_of(contents_of(call.args[0], call.others)))
    insert_entry(made, key, call.args.size() > 1 ? call.args[1] : Object{None});
  return Access::make_table(Kind::dict, std::move(made));
}

Outcome Dict::items(const Call&) {
  std::vector<Object> found;
  found.reserve(entries_.size());
  entries_.each([&](const Table::Entry& entry) { found.push_back(shown_item(entry)); });
  return Object::list(std::move(found));
}

Outcome Dict::keys(const Call&) { return Object::list(keys_of(entries_)); }

Outcome Dict::values(const Call&) {
  std::vector<Object> found;
  found.reserve(entries_.size());
  entries_.each([&](const Table::Entry& entry) { found.push_back(entry.value); });
  return Object::list(std::move(found));
}

Object Dict::take(const Object& key, std::uint64_t hash) {
  Object taken = std::move(*entries_.find_value(key, hash));
  entries_.erase(key, hash);
  return taken;
}

Outcome Dict::pop(const Call& call) {
  const Object& key = call.args[0];
  // As in Python, an empty dict does not look at the key.
  const std::uint64_t hash = entries_.size() == 0 ? 0 : hash_of_key(key);
  if (hash != 0 && entries_.find(key, hash) != nullptr) return take(key, hash);
  if (call.args.size() == 1) raise_key_error(key);
  return call.args[1];
}

Outcome Dict::pop_item(const Call&) {
  if (entries_.size() == 0) raise_key_error("popitem(): dictionary is empty");
  const Object key = entries_.last().key;
  Object taken = take(key, entries_.last().hash);
  return Object::tuple({key, std::move(taken)});
}

Outcome Dict::set_default(const Call& call) {
  const Object& key = call.args[0];
  if (const Object* found = entries_.find_value(key, hash_of_key(key))) return *found;
  const Object otherwise = call.args.size() > 1 ? call.args[1] : Object{None};
  insert_entry(entries_, key, otherwise);
  return otherwise;
}

Outcome Dict::update(const Call& call) {
  if (call.args.size() > 1)
    throw TypeError("update expected at most 1 argument, got " + std::to_string(call.args.size()));
  insert_all(entries_, pairs_of(call.args, call.kwds));
  return None;
}

Outcome Dict::chunk(const Call& call) { return chunk_of(entries_, type, call.args, shown_item); }

Outcome Dict::change(const Call& call) {
  return change_element(call, [this](const Object& key) -> Object& { return element(key); });
}

Outcome Dict::compare_and_set(const Call& call) {
  return compare_and_set_element(call,
                                 [this](const Object& key) -> Object& { return element(key); });
}

/// (key): whether it was there.
Outcome Dict::erase(const Call& call) {
  return entries_.erase(call.args[0], hash_of_key(call.args[0]));
}

}  // namespace multiprocessing::detail
