#include "managers/set.hpp"

#include "managers/entries.hpp"
#include "managers/errors.hpp"
#include "managers/python_values.hpp"
#include "managers/set_algebra.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

Object set_of(Table entries) { return Access::make_table(Kind::set, std::move(entries)); }

Table difference_of(Table from, const Call& call) {
  for (const Object& other : call.args) from = without(from, set_from(other));
  return from;
}

Table intersection_of(Table of, const Call& call) {
  for (const Object& other : call.args) of = common(of, set_from(other));
  return of;
}

Table union_of(Table of, const Call& call) {
  for (const Object& other : call.args) of = united(std::move(of), set_from(other));
  return of;
}

Object shown_element(const Table::Entry& entry) { return entry.key; }

}  // namespace

std::span<const Method<Set>> Set::table() {
  static constexpr Method<Set> methods[] = {
      {{"add", Form::one, 1}, &Set::add},
      {{"__contains__", Form::one, 1}, &Set::contains},
      {{"discard", Form::one, 1}, &Set::discard},
      {{"remove", Form::one, 1}, &Set::remove},
      {{"__len__", Form::wrapper, 0}, &Set::length},
      {{"__and__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_and},
      {{"__iand__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_iand},
      {{"__ior__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_ior},
      {{"__isub__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_isub},
      {{"__iter__", Form::wrapper, 0}, &Set::iterate},
      {{"__ixor__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_ixor},
      {{"__or__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_or},
      {{"__rand__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_rand},
      {{"__ror__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_ror},
      {{"__rsub__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_rsub},
      {{"__rxor__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_rxor},
      {{"__sub__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_sub},
      {{"__xor__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_xor},
      {{"__ge__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_ge},
      {{"__gt__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_gt},
      {{"__le__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_le},
      {{"__lt__", Form::wrapper, 1, 1, Proxies::looked_into}, &Set::op_lt},
      {{"clear", Form::none}, &Set::clear},
      {{"copy", Form::none}, &Set::copy},
      {{"difference", Form::any, 0, 0, Proxies::looked_into}, &Set::difference},
      {{"difference_update", Form::any, 0, 0, Proxies::looked_into}, &Set::difference_update},
      {{"intersection", Form::any, 0, 0, Proxies::looked_into}, &Set::intersection},
      {{"intersection_update", Form::any, 0, 0, Proxies::looked_into}, &Set::intersection_update},
      {{"isdisjoint", Form::one, 1, 1, Proxies::looked_into}, &Set::is_disjoint},
      {{"issubset", Form::one, 1, 1, Proxies::looked_into}, &Set::is_subset},
      {{"issuperset", Form::one, 1, 1, Proxies::looked_into}, &Set::is_superset},
      {{"pop", Form::none}, &Set::pop},
      {{"symmetric_difference", Form::one, 1, 1, Proxies::looked_into}, &Set::symmetric_difference},
      {{"symmetric_difference_update", Form::one, 1, 1, Proxies::looked_into},
       &Set::symmetric_difference_update},
      {{"union", Form::any, 0, 0, Proxies::looked_into}, &Set::union_with},
      {{"update", Form::any, 0, 0, Proxies::looked_into}, &Set::update},
      {{"#CHUNK", Form::range, 2, 3}, &Set::chunk},
  };
  return methods;
}

std::shared_ptr<Referent> Set::make(const std::vector<Object>& args, const Object& kwds) {
  check_constructor(type, args, kwds);
  return std::make_shared<Set>(args.empty() ? Table{} : set_from(args[0]));
}

std::string Set::repr() const { return multiprocessing::repr(value()); }

Object Set::value() const { return set_of(entries_); }

void Set::for_each_value(const std::function<void(const Object&)>& look) const {
  entries_.each([&](const Table::Entry& entry) { look(entry.key); });
}

/// In place; an operator gives the set itself, as Python's does.
Outcome Set::change_to(Table entries) {
  entries_ = std::move(entries);
  return value();
}

Outcome Set::op_and(const Call& call) {
  return set_of(common(entries_, set_operand(call.args[0], "&")));
}
Outcome Set::op_or(const Call& call) {
  return set_of(united(entries_, set_operand(call.args[0], "|")));
}
Outcome Set::op_sub(const Call& call) {
  return set_of(without(entries_, set_operand(call.args[0], "-")));
}
Outcome Set::op_xor(const Call& call) {
  return set_of(in_one_only(entries_, set_operand(call.args[0], "^")));
}

Outcome Set::op_rand(const Call& call) {
  return set_of(common(set_operand(call.args[0], "&", true), entries_));
}
Outcome Set::op_ror(const Call& call) {
  return set_of(united(set_operand(call.args[0], "|", true), entries_));
}
Outcome Set::op_rsub(const Call& call) {
  return set_of(without(set_operand(call.args[0], "-", true), entries_));
}
Outcome Set::op_rxor(const Call& call) {
  return set_of(in_one_only(set_operand(call.args[0], "^", true), entries_));
}

Outcome Set::op_iand(const Call& call) {
  return change_to(common(entries_, set_operand(call.args[0], "&=")));
}
Outcome Set::op_ior(const Call& call) {
  add_all(entries_, set_operand(call.args[0], "|="));
  return value();
}
Outcome Set::op_isub(const Call& call) {
  erase_all(entries_, set_operand(call.args[0], "-="));
  return value();
}
Outcome Set::op_ixor(const Call& call) {
  return change_to(in_one_only(entries_, set_operand(call.args[0], "^=")));
}

Outcome Set::op_ge(const Call& call) {
  return is_within(set_operand(call.args[0], ">="), entries_);
}
Outcome Set::op_le(const Call& call) {
  return is_within(entries_, set_operand(call.args[0], "<="));
}
Outcome Set::op_gt(const Call& call) {
  const Table& other = set_operand(call.args[0], ">");
  return other.size() < entries_.size() && is_within(other, entries_);
}
Outcome Set::op_lt(const Call& call) {
  const Table& other = set_operand(call.args[0], "<");
  return entries_.size() < other.size() && is_within(entries_, other);
}

Outcome Set::contains(const Call& call) {
  const Object key = set_key(call.args[0]);
  return entries_.find(key, hash_of_key(key)) != nullptr;
}

Outcome Set::iterate(const Call&) {
  return iterator_over_keys({shared_from_this(), &entries_}, type, "set_iterator");
}

Outcome Set::length(const Call&) { return entries_.size(); }

Outcome Set::add(const Call& call) {
  insert_entry(entries_, call.args[0]);
  return None;
}

Outcome Set::clear(const Call&) {
  entries_ = {};
  return None;
}

Outcome Set::copy(const Call&) { return value(); }

Outcome Set::discard(const Call& call) {
  const Object key = set_key(call.args[0]);
  entries_.erase(key, hash_of_key(key));
  return None;
}

Outcome Set::remove(const Call& call) {
  const Object key = set_key(call.args[0]);
  if (!entries_.erase(key, hash_of_key(key))) raise_key_error(call.args[0]);
  return None;
}

/// The element that was added last, where Python takes any.
Outcome Set::pop(const Call&) {
  if (entries_.size() == 0) raise_key_error("pop from an empty set");
  Object taken = entries_.last().key;
  entries_.erase(taken, entries_.last().hash);
  return taken;
}

Outcome Set::difference(const Call& call) { return set_of(difference_of(entries_, call)); }

Outcome Set::difference_update(const Call& call) {
  erase_all(entries_, union_of({}, call));
  return None;
}

Outcome Set::intersection(const Call& call) { return set_of(intersection_of(entries_, call)); }

Outcome Set::intersection_update(const Call& call) {
  entries_ = intersection_of(entries_, call);
  return None;
}

Outcome Set::symmetric_difference(const Call& call) {
  return set_of(in_one_only(entries_, set_from(call.args[0])));
}

Outcome Set::symmetric_difference_update(const Call& call) {
  entries_ = in_one_only(entries_, set_from(call.args[0]));
  return None;
}

Outcome Set::union_with(const Call& call) { return set_of(union_of(entries_, call)); }

/// What is added is put together first, so that a wrong element changes nothing.
Outcome Set::update(const Call& call) {
  add_all(entries_, union_of({}, call));
  return None;
}

/// Whether what is found for one of the elements is such; those behind it are not looked at.
template <class Such>
bool Set::meets(const Object& iterable, Such such) const {
  for (const Object& item : elements_of(iterable))
    if (such(entries_.find(item, hash_of_key(item)))) return true;
  return false;
}

Outcome Set::is_disjoint(const Call& call) {
  return !meets(call.args[0], [&](const Table::Entry* found) { return found != nullptr; });
}

Outcome Set::is_subset(const Call& call) { return is_within(entries_, set_from(call.args[0])); }

Outcome Set::is_superset(const Call& call) {
  return !meets(call.args[0], [&](const Table::Entry* found) { return found == nullptr; });
}

Outcome Set::chunk(const Call& call) { return chunk_of(entries_, type, call.args, shown_element); }

}  // namespace multiprocessing::detail
