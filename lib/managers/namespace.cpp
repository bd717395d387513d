#include "managers/namespace.hpp"

#include <algorithm>

#include "managers/bound_arguments.hpp"
#include "managers/change.hpp"
#include "managers/entries.hpp"
#include "managers/python_values.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/mapping.hpp"
#include "pickle/names.hpp"

namespace multiprocessing::detail {
namespace {

const KnownName& class_of_namespace() {
  return *find_name("multiprocessing.managers", "Namespace");
}

const Object& checked_name(const Object& name) {
  if (ObjectParts::text(name) == nullptr)
    throw TypeError("attribute name must be string, not '" + type_name(name) + "'");
  return name;
}

/// What every object of Python has is not to be changed.
const Object& changeable(const Object& name) {
  checked_name(name);
  if (name == Object{"__dict__"} || name == Object{"__class__"})
    throw AttributeError("'Namespace' object attribute " + repr(name) + " is read-only");
  return name;
}

[[noreturn]] void throw_missing(const Object& name) {
  throw AttributeError("'Namespace' object has no attribute '" + str(name) + "'");
}

}  // namespace

std::span<const Method<Namespace>> Namespace::table() {
  static constexpr Method<Namespace> methods[] = {
      {{"__getattribute__", Form::wrapper, 1}, &Namespace::get_attribute},
      {{"__setattr__", Form::spaced_wrapper, 2}, &Namespace::set_attribute},
      {{"__delattr__", Form::wrapper, 1}, &Namespace::delete_attribute},
      {{"#CHANGE", Form::range, 3, 4}, &Namespace::change},
      {{"#COMPARE_AND_SET", Form::range, 3}, &Namespace::compare_and_set},
  };
  return methods;
}

std::shared_ptr<Referent> Namespace::make(const std::vector<Object>& args, const Object& kwds) {
  (void)bound_arguments({"Namespace.__init__", true, {}, 0}, args, Object::dict());
  Table attributes;
  for (const auto& [name, value] : kwds.items()) insert_entry(attributes, changeable(name), value);
  return std::make_shared<Namespace>(std::move(attributes));
}

std::string Namespace::repr() const {
  std::vector<std::string> shown;
  attributes_.each([&](const Table::Entry& entry) {
    const std::string name = multiprocessing::str(entry.key);
    if (!name.starts_with('_')) shown.push_back(name + '=' + multiprocessing::repr(entry.value));
  });
  std::sort(shown.begin(), shown.end());
  std::string text = "Namespace(";
  for (const std::string& each : shown) text += (&each == &shown.front() ? "" : ", ") + each;
  return text + ')';
}

Object Namespace::value() const {
  return ObjectAccess::make_instance(class_of_namespace(), Object::tuple(),
                                     attributes_.size() == 0
                                         ? Object{None}
                                         : ObjectAccess::make_table(ObjectKind::dict, attributes_));
}

void Namespace::for_each_value(const std::function<void(const Object&)>& look) const {
  attributes_.each([&](const Table::Entry& entry) { look(entry.value); });
}

Outcome Namespace::get_attribute(const Call& call) {
  const Object& name = checked_name(call.args[0]);
  if (const Object* found = attributes_.find_value(name, hash_of_key(name))) return *found;
  if (name == Object{"__dict__"}) return ObjectAccess::make_table(ObjectKind::dict, attributes_);
  if (name == Object{"__class__"}) return ObjectAccess::make_name(class_of_namespace());
  throw_missing(name);
}

Outcome Namespace::set_attribute(const Call& call) {
  insert_entry(attributes_, changeable(call.args[0]), call.args[1]);
  return None;
}

Outcome Namespace::delete_attribute(const Call& call) {
  const Object& name = changeable(call.args[0]);
  if (!attributes_.erase(name, hash_of_key(name))) throw_missing(name);
  return None;
}

Object& Namespace::element(const Object& name) {
  Object* found = attributes_.find_value(checked_name(name), hash_of_key(name));
  if (found == nullptr) throw_missing(name);
  return *found;
}

Outcome Namespace::change(const Call& call) {
  return change_element(call, [this](const Object& name) -> Object& { return element(name); });
}

Outcome Namespace::compare_and_set(const Call& call) {
  return compare_and_set_element(call,
                                 [this](const Object& name) -> Object& { return element(name); });
}

}  // namespace multiprocessing::detail
