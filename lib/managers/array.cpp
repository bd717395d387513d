#include "managers/array.hpp"

#include "managers/array_items.hpp"
#include "managers/bound_arguments.hpp"
#include "managers/change.hpp"
#include "managers/errors.hpp"
#include "managers/python_values.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/mapping.hpp"
#include "pickle/array.hpp"
#include "pickle/names.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

constexpr std::string_view of_constructor[] = {"typecode", "sequence", "lock"};
constexpr std::string_view wrong_index = "array indices must be integers";
constexpr IndexTexts reading{wrong_index, false, "array index out of range"};
constexpr IndexTexts assigning{wrong_index, false, "array assignment index out of range"};

Object array_of(char typecode, std::string_view bytes) {
  return Access::make_instance(*find_name("array", "array"),
                               Object::tuple({std::string_view{&typecode, 1}, Bytes{bytes}}));
}

const InstanceNode* as_array(const Object& value) {
  if (Access::kind(value) != Kind::instance) return nullptr;
  const auto& node = Access::node<InstanceNode>(value);
  return node.name->module == "array" ? &node : nullptr;
}

char typecode_of(const InstanceNode& array) { return Access::text(array.args[0])[0]; }

char checked_typecode(const Object& typecode) {
  const std::string* text = ObjectParts::text(typecode);
  if (text == nullptr || text->size() != 1)
    throw TypeError("array() argument 1 must be a unicode character, not " + type_name(typecode));
  return text->front();
}

/// The bytes of what array.array(typecode, sequence) is made from.
std::string initial_bytes(char typecode, const Object& sequence) {
  const std::string of_typecode =
      " to initialize an array with typecode '" + std::string{typecode} + "'";
  if (Access::kind(sequence) == Kind::text && typecode != 'u')
    throw TypeError("cannot use a str" + of_typecode);
  const InstanceNode* array = as_array(sequence);
  if (array != nullptr && typecode_of(*array) == 'u' && typecode != 'u')
    throw TypeError("cannot use a unicode array" + of_typecode);
  if (const std::string* bytes = ObjectParts::bytes(sequence)) {
    if (bytes->size() % item_size(typecode) != 0)
      throw ValueError("bytes length not a multiple of item size");
    if (!array_items(typecode, *bytes)) throw_no_character();
    return *bytes;
  }
  const std::vector<Object> items = elements_of(sequence);
  if (items.size() > most_text / item_size(typecode)) raise_too_large("the array");
  std::string bytes;
  for (const Object& item : items) bytes += item_bytes(typecode, item);
  return bytes;
}

}  // namespace

std::span<const Method<Array>> Array::table() {
  static constexpr Method<Array> methods[] = {
      {{"__len__", Form::wrapper, 0}, &Array::length},
      {{"__getitem__", Form::wrapper, 1}, &Array::get_item},
      {{"__setitem__", Form::spaced_wrapper, 2}, &Array::set_item},
      {{"#CHUNK", Form::range, 2, 3}, &Array::chunk},
      {{"#CHANGE", Form::range, 3, 4}, &Array::change},
      {{"#COMPARE_AND_SET", Form::range, 3}, &Array::compare_and_set},
  };
  return methods;
}

Array::Array(char typecode, std::string bytes)
    : typecode_(typecode), item_size_(item_size(typecode)), bytes_(std::move(bytes)) {}

std::shared_ptr<Referent> Array::make(const std::vector<Object>& args, const Object& kwds) {
  const auto bound = bound_arguments({"Array", false, of_constructor, 2}, args, kwds);
  const char typecode = checked_typecode(bound[0]);
  return std::make_shared<Array>(typecode, initial_bytes(typecode, bound[1]));
}

std::string Array::repr() const { return multiprocessing::repr(value()); }

Object Array::value() const { return array_of(typecode_, bytes_); }

std::string_view Array::bytes_at(std::size_t place) const {
  return std::string_view{bytes_}.substr(place * item_size_, item_size_);
}

Object Array::item(std::size_t place) const { return item_value(typecode_, bytes_at(place)); }

void Array::set(std::size_t place, const Object& value) {
  bytes_.replace(place * item_size_, item_size_, item_bytes(typecode_, value));
}

Outcome Array::length(const Call&) { return size(); }

Outcome Array::get_item(const Call& call) {
  const Object& index = call.args[0];
  if (!is_slice(index)) return item(place_of(index, size(), reading));
  const Slice slice = slice_of(index, size());
  if (slice.step == 1)
    return array_of(typecode_, std::string_view{bytes_}.substr(slice.at(0) * item_size_,
                                                               slice.count * item_size_));
  std::string taken;
  taken.reserve(slice.count * item_size_);
  for (std::size_t i = 0; i < slice.count; ++i) taken += bytes_at(slice.at(i));
  return array_of(typecode_, taken);
}

Outcome Array::set_item(const Call& call) {
  if (is_slice(call.args[0]))
    set_slice(call.args[0], call.args[1]);
  else
    set(place_of(call.args[0], size(), assigning), call.args[1]);
  return None;
}

void Array::set_slice(const Object& slice, const Object& values) {
  const Slice found = slice_of(slice, size());
  const InstanceNode* array = as_array(values);
  if (array == nullptr)
    throw TypeError("can only assign array (not \"" + type_name(values) + "\") to array slice");
  if (typecode_of(*array) != typecode_) throw TypeError("bad argument type for built-in operation");
  const std::string& bytes = Access::text(array->args[1]);
  const std::size_t items = bytes.size() / item_size_;
  if (found.step == 1) {
    if (bytes.size() > most_text - bytes_.size()) raise_too_large("the array");
    bytes_.replace(found.at(0) * item_size_, found.count * item_size_, bytes);
    return;
  }
  if (items == 0) {  // Python takes such a slice out, where its list refuses
    const std::size_t left = close_up(found, size(), [this](std::size_t from, std::size_t to) {
      bytes_.replace(to * item_size_, item_size_, bytes_, from * item_size_, item_size_);
    });
    bytes_.resize(left * item_size_);
    return;
  }
  if (items != found.count)
    throw ValueError("attempt to assign array of size " + std::to_string(items) +
                     " to extended slice of size " + std::to_string(found.count));
  for (std::size_t i = 0; i < items; ++i)
    bytes_.replace(found.at(i) * item_size_, item_size_, bytes, i * item_size_, item_size_);
}

/// (place, most): the items from there on as a list, and where those behind them are, or None.
Outcome Array::chunk(const Call& call) {
  const std::size_t from = bound_of(call.args[0], size());
  const std::size_t most = bound_of(call.args[1], size() - from);
  std::vector<Object> items;
  items.reserve(most);
  for (std::size_t i = 0; i < most; ++i) items.push_back(item(from + i));
  const std::size_t next = from + most;
  return Object::tuple(
      {Object::list(std::move(items)), next < size() ? Object{next} : Object{None}});
}

/// An item is a number or character: nothing lies in it.
std::size_t Array::place_in_path(const Call& call) const {
  const std::vector<Object>& path = path_of(call.args[0]);
  const std::size_t place = place_of(first_of(path), size(), reading);
  if (path.size() > 1) (void)find_inside(item(place), std::span{path}.subspan(1));
  return place;
}

Outcome Array::change(const Call& call) {
  const std::size_t place = place_in_path(call);
  Object changed = item(place);
  Object answer = change_inside(changed, {}, call.args);
  set(place, changed);
  return answer;
}

Outcome Array::compare_and_set(const Call& call) {
  const std::size_t place = place_in_path(call);
  Object changed = item(place);
  Object answer = compare_and_set_inside(changed, {}, call.args);
  set(place, changed);
  return answer;
}

}  // namespace multiprocessing::detail
