#include "managers/single_value.hpp"

#include "managers/bound_arguments.hpp"
#include "managers/change.hpp"
#include "pickle/names.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::string_view of_constructor[] = {"typecode", "value", "lock"};
constexpr std::string_view of_set[] = {"value"};

}  // namespace

std::span<const Method<SingleValue>> SingleValue::table() {
  static constexpr Method<SingleValue> methods[] = {
      {{"get", Form::own}, &SingleValue::get},
      {{"set", Form::own}, &SingleValue::set},
      {{"#CHANGE", Form::range, 3, 4}, &SingleValue::change},
      {{"#COMPARE_AND_SET", Form::range, 3}, &SingleValue::compare_and_set},
  };
  return methods;
}

std::shared_ptr<Referent> SingleValue::make(const std::vector<Object>& args, const Object& kwds) {
  const auto bound = bound_arguments({"Value.__init__", true, of_constructor, 2}, args, kwds);
  return std::make_shared<SingleValue>(bound[0], bound[1]);
}

std::string SingleValue::repr() const {
  return "Value(" + multiprocessing::repr(typecode_) + ", " + multiprocessing::repr(value_) + ')';
}

Object SingleValue::value() const {
  return ObjectAccess::make_instance(*find_name("multiprocessing.managers", "Value"),
                                     Object::tuple(),
                                     Object::dict({{"_typecode", typecode_}, {"_value", value_}}));
}

Outcome SingleValue::get(const Call& call) {
  (void)bound_arguments({"Value.get", true, {}, 0}, call.args, call.kwds);
  return value_;
}

Outcome SingleValue::set(const Call& call) {
  value_ = bound_arguments({"Value.set", true, of_set, 1}, call.args, call.kwds)[0];
  return None;
}

Outcome SingleValue::change(const Call& call) {
  return change_inside(value_, path_of(call.args[0]), call.args);
}

Outcome SingleValue::compare_and_set(const Call& call) {
  return compare_and_set_inside(value_, path_of(call.args[0]), call.args);
}

}  // namespace multiprocessing::detail
