#include "managers/list.hpp"

#include <algorithm>
#include <utility>

#include "managers/change.hpp"
#include "managers/errors.hpp"
#include "managers/order.hpp"
#include "managers/python_values.hpp"
#include "multiprocessing/base/errors.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::string_view wrong_index = "list indices must be integers or slices";
constexpr IndexTexts reading{wrong_index, true, "list index out of range"};
constexpr IndexTexts assigning{wrong_index, true, "list assignment index out of range"};
constexpr std::string_view beyond_size = "Python int too large to convert to C ssize_t";

auto iterator_at(std::vector<Object>& items, std::size_t place) {
  return items.begin() + static_cast<std::ptrdiff_t>(place);
}

void check_room(std::size_t size, std::size_t more) {
  if (more > most_elements - std::min(size, most_elements)) raise_too_large("the list");
}

/// What is assigned to a slice.
std::vector<Object> assigned(const Object& values, std::int64_t step) {
  if (!is_iterable(values))
    throw TypeError(step == 1 ? "can only assign an iterable"
                              : "must assign iterable to extended slice");
  return elements_of(values);
}

}  // namespace

std::span<const Method<List>> List::table() {
  static constexpr Method<List> methods[] = {
      {{"__getitem__", Form::one, 1}, &List::get_item},
      {{"__setitem__", Form::spaced_wrapper, 2}, &List::set_item},
      {{"append", Form::one, 1}, &List::append},
      {{"pop", Form::range, 0, 1}, &List::pop},
      {{"__len__", Form::wrapper, 0}, &List::length},
      {{"__add__", Form::wrapper, 1}, &List::add},
      {{"__contains__", Form::wrapper, 1}, &List::contains},
      {{"__delitem__", Form::wrapper, 1}, &List::delete_item},
      {{"__imul__", Form::spaced_wrapper, 1}, &List::multiply_in_place},
      {{"__mul__", Form::spaced_wrapper, 1}, &List::multiply},
      {{"__reversed__", Form::none}, &List::reversed},
      {{"__rmul__", Form::spaced_wrapper, 1}, &List::multiply},
      {{"clear", Form::none}, &List::clear},
      {{"copy", Form::none}, &List::copy},
      {{"count", Form::one, 1}, &List::count},
      {{"extend", Form::one, 1, 1, Proxies::looked_into}, &List::extend},
      {{"index", Form::range, 1, 3}, &List::index},
      {{"insert", Form::range, 2}, &List::insert},
      {{"remove", Form::one, 1}, &List::remove},
      {{"reverse", Form::none}, &List::reverse},
      {{"sort", Form::own}, &List::sort},
      {{"#CHUNK", Form::range, 2, 3}, &List::chunk},
      {{"#CHANGE", Form::range, 3, 4}, &List::change},
      {{"#COMPARE_AND_SET", Form::range, 3}, &List::compare_and_set},
  };
  return methods;
}

std::shared_ptr<Referent> List::make(const std::vector<Object>& args, const Object& kwds) {
  check_constructor(type, args, kwds);
  return std::make_shared<List>(args.empty() ? std::vector<Object>{} : elements_of(args[0]));
}

std::string List::repr() const {
  std::string text = "[";
  for (const Object& item : items_) {
    if (text.size() > 1) text += ", ";
    text += multiprocessing::repr(item);
  }
  return text + ']';
}

void List::for_each_value(const std::function<void(const Object&)>& look) const {
  for (const Object& item : items_) look(item);
}

Outcome List::get_item(const Call& call) {
  const Object& index = call.args[0];
  if (!is_slice(index)) return items_[place_of(index, items_.size(), reading)];
  const Slice slice = slice_of(index, items_.size());
  std::vector<Object> taken;
  taken.reserve(slice.count);
  for (std::size_t i = 0; i < slice.count; ++i) taken.push_back(items_[slice.at(i)]);
  return Object::list(std::move(taken));
}

Outcome List::set_item(const Call& call) {
  if (is_slice(call.args[0]))
    set_slice(call.args[0], contents_of(call.args[1], call.others));
  else
    items_[place_of(call.args[0], items_.size(), assigning)] = call.args[1];
  return None;
}

void List::set_slice(const Object& slice, const Object& values) {
  const Slice found = slice_of(slice, items_.size());
  const std::vector<Object> items = assigned(values, found.step);
  if (found.step == 1) {
    const auto first = static_cast<std::size_t>(found.start);
    check_room(items_.size() - found.count, items.size());
    const std::size_t same = std::min(found.count, items.size());
    std::copy_n(items.begin(), same, iterator_at(items_, first));
    if (same < found.count)
      items_.erase(iterator_at(items_, first + same), iterator_at(items_, first + found.count));
    items_.insert(iterator_at(items_, first + same),
                  items.begin() + static_cast<std::ptrdiff_t>(same), items.end());
    return;
  }
  if (items.size() != found.count)
    throw ValueError("attempt to assign sequence of size " + std::to_string(items.size()) +
                     " to extended slice of size " + std::to_string(found.count));
  for (std::size_t i = 0; i < found.count; ++i) items_[found.at(i)] = items[i];
}

Outcome List::delete_item(const Call& call) {
  if (is_slice(call.args[0]))
    delete_slice(call.args[0]);
  else
    items_.erase(iterator_at(items_, place_of(call.args[0], items_.size(), assigning)));
  return None;
}

void List::delete_slice(const Object& slice) {
  const Slice found = slice_of(slice, items_.size());
  items_.resize(close_up(found, items_.size(), [this](std::size_t from, std::size_t to) {
    items_[to] = std::move(items_[from]);
  }));
}

Outcome List::add(const Call& call) {
  const Object& other = call.args[0];
  if (ObjectAccess::kind(other) != ObjectKind::list)
    throw TypeError("can only concatenate list (not \"" + type_name(other) + "\") to list");
  const std::vector<Object>& more = ObjectAccess::items(other);
  check_room(items_.size(), more.size());
  std::vector<Object> sum = items_;
  sum.insert(sum.end(), more.begin(), more.end());
  return Object::list(std::move(sum));
}

Outcome List::contains(const Call& call) {
  return std::find(items_.begin(), items_.end(), call.args[0]) != items_.end();
}

std::vector<Object> List::multiplied(const Object& factor) const {
  const std::int64_t times = std::max<std::int64_t>(integer_of(factor), 0);
  std::vector<Object> product;
  if (items_.empty()) return product;
  if (static_cast<std::size_t>(times) > most_elements / items_.size()) raise_too_large("the list");
  product.reserve(items_.size() * static_cast<std::size_t>(times));
  for (std::int64_t i = 0; i < times; ++i)
    product.insert(product.end(), items_.begin(), items_.end());
  return product;
}

Outcome List::multiply(const Call& call) { return Object::list(multiplied(call.args[0])); }

Outcome List::multiply_in_place(const Call& call) {
  items_ = multiplied(call.args[0]);
  return value();
}

Outcome List::length(const Call&) { return items_.size(); }

Outcome List::reversed(const Call&) { return reversed_list(items_); }

Outcome List::append(const Call& call) {
  check_room(items_.size(), 1);
  items_.push_back(call.args[0]);
  return None;
}

Outcome List::clear(const Call&) {
  items_ = {};
  return None;
}

Outcome List::copy(const Call&) { return value(); }

Outcome List::count(const Call& call) {
  return std::count(items_.begin(), items_.end(), call.args[0]);
}

Outcome List::extend(const Call& call) {
  const std::vector<Object> more = elements_of(call.args[0]);
  check_room(items_.size(), more.size());
  items_.insert(items_.end(), more.begin(), more.end());
  return None;
}

Outcome List::index(const Call& call) {
  const std::size_t start = call.args.size() > 1 ? bound_of(call.args[1], items_.size()) : 0;
  const std::size_t stop =
      call.args.size() > 2 ? bound_of(call.args[2], items_.size()) : items_.size();
  for (std::size_t i = start; i < stop; ++i)
    if (items_[i] == call.args[0]) return i;
  throw ValueError(multiprocessing::repr(call.args[0]) + " is not in list");
}

Outcome List::insert(const Call& call) {
  std::int64_t place = integer_of(call.args[0], "OverflowError", beyond_size);
  const auto size = static_cast<std::int64_t>(items_.size());
  check_room(items_.size(), 1);
  if (place < 0) place += size;
  place = std::clamp<std::int64_t>(place, 0, size);
  items_.insert(items_.begin() + place, call.args[1]);
  return None;
}

Outcome List::pop(const Call& call) {
  std::int64_t place = -1;
  if (!call.args.empty()) place = integer_of(call.args[0], "OverflowError", beyond_size);
  const auto size = static_cast<std::int64_t>(items_.size());
  if (size == 0) throw IndexError("pop from empty list");
  if (place < 0) place += size;
  if (place < 0 || place >= size) throw IndexError("pop index out of range");
  Object taken = std::move(items_[static_cast<std::size_t>(place)]);
  items_.erase(items_.begin() + place);
  return taken;
}

Outcome List::remove(const Call& call) {
  const auto found = std::find(items_.begin(), items_.end(), call.args[0]);
  if (found == items_.end()) throw ValueError("list.remove(x): x not in list");
  items_.erase(found);
  return None;
}

Outcome List::reverse(const Call&) {
  std::reverse(items_.begin(), items_.end());
  return None;
}

/// sort(*, key=None, reverse=False): a function cannot be sent, so a key is None.
Outcome List::sort(const Call& call) {
  const std::size_t given = call.args.size() + call.kwds.size();
  if (given > 2)
    throw TypeError("sort() takes at most 2 arguments (" + std::to_string(given) + " given)");
  if (!call.args.empty()) throw TypeError("sort() takes no positional arguments");
  bool reverse = false;
  bool by_key = false;
  for (const auto& [name, given_value] : call.kwds.items()) {
    if (name == Object{"reverse"}) {
      constexpr std::string_view text = "Python int too large to convert to C int";
      reverse = integer_of(given_value, "OverflowError", text) != 0;
    } else if (name == Object{"key"}) {
      by_key = !given_value.is_none();
    } else {
      throw TypeError(multiprocessing::repr(name) + " is an invalid keyword argument for sort()");
    }
  }
  if (by_key && !items_.empty())
    throw TypeError("'" + type_name(call.kwds["key"]) + "' object is not callable");
  sort_as_python(items_, reverse);
  return None;
}

/// (place, most): the elements from there on, and where those behind them are, or None.
Outcome List::chunk(const Call& call) {
  const std::size_t from = bound_of(call.args[0], items_.size());
  const std::size_t most = bound_of(call.args[1], items_.size() - from);
  const auto first = iterator_at(items_, from);
  std::vector<Object> taken(first, first + static_cast<std::ptrdiff_t>(most));
  const std::size_t next = from + most;
  return Object::tuple(
      {Object::list(std::move(taken)), next < items_.size() ? Object{next} : Object{None}});
}

Object& List::element(const Object& index) {
  return items_[place_of(index, items_.size(), reading)];
}

Outcome List::change(const Call& call) {
  return change_element(call, [this](const Object& index) -> Object& { return element(index); });
}

Outcome List::compare_and_set(const Call& call) {
  return compare_and_set_element(call,
                                 [this](const Object& index) -> Object& { return element(index); });
}

}  // namespace multiprocessing::detail
