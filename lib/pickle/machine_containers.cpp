// The opcodes that put values together.
#include <utility>

#include "pickle/calls.hpp"
#include "pickle/compare.hpp"
#include "pickle/machine.hpp"
#include "pickle/names.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

void check_kind(const Object& value, Kind kind, const char* what) {
  if (Access::kind(value) != kind)
    throw SerializationError("a value of type " + value.type() + " is no " + what);
}

}  // namespace

// ---- containers

void Machine::push_reduced(std::size_t tuple_size) { push(Object::tuple(pop_some(tuple_size))); }

bool Machine::do_container(Opcode opcode) {
  switch (opcode) {
    case Opcode::empty_tuple:
      push(Object::tuple());
      return true;
    case Opcode::tuple1:
      push_reduced(1);
      return true;
    case Opcode::tuple2:
      push_reduced(2);
      return true;
    case Opcode::tuple3:
      push_reduced(3);
      return true;
    case Opcode::tuple:
      push(Object::tuple(pop_to_mark()));
      return true;
    case Opcode::empty_list:
      push(Object::list());
      return true;
    case Opcode::list:
      push(Object::list(pop_to_mark()));
      return true;
    case Opcode::empty_dict:
      push(Object::dict());
      return true;
    case Opcode::empty_set:
      push(Object::set());
      return true;
    case Opcode::dict: {
      std::vector<Object> items = pop_to_mark();
      push(Object::dict());
      set_items(top(), std::move(items));
      return true;
    }
    case Opcode::frozenset: {
      std::vector<Object> items = pop_to_mark();
      Object set = Object::frozenset();
      add_items(set, std::move(items));
      push(std::move(set));
      return true;
    }
    default:
      return false;
  }
}

bool Machine::do_elements(Opcode opcode) {
  switch (opcode) {
    case Opcode::append:
      append(pop_some(1));
      return true;
    case Opcode::appends:
      append(pop_to_mark());
      return true;
    case Opcode::setitem: {
      std::vector<Object> pair = pop_some(2);
      set_items(top(), std::move(pair));
      return true;
    }
    case Opcode::setitems: {
      std::vector<Object> items = pop_to_mark();
      set_items(top(), std::move(items));
      return true;
    }
    case Opcode::additems: {
      std::vector<Object> items = pop_to_mark();
      check_kind(top(), Kind::set, "set");
      add_items(top(), std::move(items));
      return true;
    }
    default:
      return false;
  }
}

void Machine::append(std::vector<Object> items) {
  const Object& list = top();
  check_kind(list, Kind::list, "list");
  auto& node = Access::node<SequenceNode>(list);
  for (Object& item : items) {
    node.enclose(item);
    node.items.push_back(std::move(item));
  }
  check_depth(node.depth);
}

void Machine::insert(TableNode& node, Object key, Object value) {
  // What a key costs to hash and to compare.
  if (Access::is_container(key)) charge(Access::extent(key));
  const std::uint64_t hash = hash_of(key);
  node.enclose(key);
  node.enclose(value);
  check_depth(node.depth);
  node.table.insert(std::move(key), hash, std::move(value));
}

void Machine::set_items(const Object& dict, std::vector<Object> items) {
  check_kind(dict, Kind::dict, "dict");
  if (items.size() % 2 != 0) throw SerializationError("a key of a dict has no value");
  auto& node = Access::node<TableNode>(dict);
  for (std::size_t i = 0; i < items.size(); i += 2)
    insert(node, std::move(items[i]), std::move(items[i + 1]));
}

void Machine::add_items(const Object& set, std::vector<Object> items) {
  auto& node = Access::node<TableNode>(set);
  for (Object& item : items) insert(node, std::move(item), None);
}

// ---- calls

void Machine::push_name(std::string_view module, std::string_view name) {
  const KnownName* known = find_name(module, name);
  if (known == nullptr) {
    const std::string full = std::string{module} + '.' + std::string{name};
    throw SerializationError("the name " + full.substr(0, 200) + " is not among those it may use");
  }
  push(known->form == NameForm::ellipsis ? Access::make_instance(*known, Object::tuple())
                                         : Access::make_name(*known));
}

void Machine::reduce() {
  const Object args = pop();
  const Object callable = pop();
  // The copy that list(...) makes has as many values as its argument.
  if (Access::kind(args) == Kind::tuple) charge(Access::extent(args));
  push(call(callable, args));
}

void Machine::make_new(bool with_keywords) {
  if (with_keywords) {
    const Object keywords = pop();
    if (Access::kind(keywords) != Kind::dict || keywords.size() != 0)
      throw SerializationError("a class is called with keywords");
  }
  const Object args = pop();
  const Object of_class = pop();
  push(new_instance(of_class, args));
}

bool Machine::do_call(Opcode opcode) {
  switch (opcode) {
    case Opcode::global: {
      const std::string_view module = input_.line();
      push_name(module, input_.line());
      return true;
    }
    case Opcode::inst: {  // always a class of Python 2
      const std::string module{input_.line()};
      throw SerializationError("the name " + module + '.' + std::string{input_.line()} +
                               " is not among those it may use");
    }
    case Opcode::stack_global: {
      const Object name = pop();
      const Object module = pop();
      check_kind(name, Kind::text, "str, as a name");
      check_kind(module, Kind::text, "str, as a name");
      push_name(Access::text(module), Access::text(name));
      return true;
    }
    case Opcode::reduce:
      reduce();
      return true;
    case Opcode::newobj:
      make_new(false);
      return true;
    case Opcode::newobj_ex:
      make_new(true);
      return true;
    case Opcode::build: {
      Object state = pop();
      build(top(), std::move(state));
      return true;
    }
    default:
      return false;
  }
}

}  // namespace multiprocessing::detail
