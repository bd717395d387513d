#include "pickle/calls.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "pickle/array.hpp"
#include "pickle/exceptions.hpp"
#include "pickle/names.hpp"
#include "pickle/node.hpp"
#include "pickle/text.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;
using Arguments = std::vector<Object>;

[[noreturn]] void throw_misfit(const KnownName& name) {
  throw SerializationError("the arguments of " + full_name(name) + " do not fit");
}

const KnownName* named(const Object& value) {
  return Access::kind(value) == Kind::name ? Access::node<NameNode>(value).name : nullptr;
}

const KnownName* class_of(const Object& value) {
  return Access::kind(value) == Kind::instance ? Access::node<InstanceNode>(value).name : nullptr;
}

bool is_text(const Object& value, std::string_view text) {
  return Access::kind(value) == Kind::text && Access::text(value) == text;
}

bool is_whole(const Object& value) {
  const Kind kind = Access::kind(value);
  return kind == Kind::integer || kind == Kind::large || kind == Kind::truth;
}

/// The elements that list, set and frozenset are called with.
Arguments elements(const KnownName& name, const Arguments& args) {
  if (args.empty()) return {};
  switch (Access::kind(args[0])) {
    case Kind::list:
    case Kind::tuple:
      return Access::items(args[0]);
    case Kind::set:
    case Kind::frozenset: {
      Arguments items;
      Access::table(args[0]).each([&](const Table::Entry& entry) { items.push_back(entry.key); });
      return items;
    }
    default:
      throw_misfit(name);
  }
}

/// Each code point is a byte.
std::string latin1(const KnownName& name, const Object& text, const Object& encoding) {
  const bool known = is_text(encoding, "latin1") || is_text(encoding, "latin-1");
  if (!known || Access::kind(text) != Kind::text) throw_misfit(name);
  std::string bytes;
  for (std::string_view rest = Access::text(text); !rest.empty();) {
    const char32_t character = take_character(rest);
    if (character > 0xff) throw_misfit(name);
    bytes += static_cast<char>(character);
  }
  return bytes;
}

/// bytes and bytearray: of nothing, of bytes, of text and "latin-1".
std::string byte_string(const KnownName& name, const Arguments& args) {
  if (args.empty()) return {};
  if (args.size() == 2) return latin1(name, args[0], args[1]);
  if (Access::kind(args[0]) != Kind::bytes) throw_misfit(name);
  return Access::text(args[0]);
}

bool fits_array(const Arguments& args) {
  return Access::kind(args[0]) == Kind::text && Access::text(args[0]).size() == 1 &&
         Access::kind(args[1]) == Kind::bytes &&
         array_items(Access::text(args[0])[0], Access::text(args[1]));
}

bool fits_proxy(const Arguments& args) {
  const KnownName* proxy = named(args[0]);
  const KnownName* token = class_of(args[1]);
  return proxy != nullptr && proxy->form == NameForm::proxy_class && token != nullptr &&
         token->name == "Token" && Access::kind(args[2]) == Kind::text &&
         Access::kind(args[3]) == Kind::dict;
}

bool fits_shared_memory(const Arguments& args) {
  return Access::kind(args[0]) == Kind::text &&
         (args.size() < 2 || Access::kind(args[1]) == Kind::truth) &&
         (args.size() < 3 || is_whole(args[2]));
}

/// Whether arguments are of the kinds that a class of form `called` takes; their number is right.
bool fits(const KnownName& name, const Arguments& args) {
  if (name.name == "range") return std::all_of(args.begin(), args.end(), is_whole);
  if (name.name == "complex")
    return Access::kind(args[0]) == Kind::real && Access::kind(args[1]) == Kind::real;
  if (name.name == "iter" || name.name == "reversed") return Access::kind(args[0]) == Kind::list;
  if (name.name == "array") return fits_array(args);
  if (name.name == "RebuildProxy") return fits_proxy(args);
  if (name.name == "SharedMemory") return fits_shared_memory(args);
  return true;  // slice
}

/// copyreg._reconstructor(cls, object, None).
Object reconstruct(const KnownName& name, const Arguments& args) {
  const KnownName* base = named(args[1]);
  if (base == nullptr || base->form != NameForm::object || !args[2].is_none()) throw_misfit(name);
  return new_instance(args[0], Object::tuple());
}

/// _rebuild_partial(ShareableList, (), {"name": name}), which is then called without arguments.
bool fits_partial(const Arguments& args) {
  const KnownName* function = named(args[0]);
  return function != nullptr && function->form == NameForm::shareable_list &&
         Access::kind(args[1]) == Kind::tuple && Access::items(args[1]).empty() &&
         Access::kind(args[2]) == Kind::dict && args[2].size() == 1 && args[2].contains("name") &&
         Access::kind(args[2]["name"]) == Kind::text;
}

Object call_partial(const InstanceNode& partial, const Arguments& args) {
  if (!args.empty()) throw_misfit(*partial.name);
  const Arguments& bound = Access::items(partial.args);
  return Access::make_instance(*named(bound[0]), Object::tuple({bound[2]["name"]}));
}

Object call_name(const KnownName& name, const Object& args) {
  const Arguments& given = Access::items(args);
  if (given.size() < name.least || given.size() > name.most) throw_misfit(name);
  switch (name.form) {
    case NameForm::list:
      return Object::list(elements(name, given));
    case NameForm::set:
      return Object::set(elements(name, given));
    case NameForm::frozenset:
      return Object::frozenset(elements(name, given));
    case NameForm::bytes:
      return Access::make_text(Kind::bytes, byte_string(name, given));
    case NameForm::bytearray:
      return Access::make_text(Kind::bytearray, byte_string(name, given));
    case NameForm::encode:
      return Access::make_text(Kind::bytes, latin1(name, given[0], given[1]));
    case NameForm::reconstructor:
      return reconstruct(name, given);
    case NameForm::exception:
      return Access::make_instance(is_os_error(name) ? os_error_of(name, args) : name, args);
    case NameForm::called:
      if (!fits(name, given)) throw_misfit(name);
      return Access::make_instance(name, args);
    case NameForm::partial:
      if (!fits_partial(given)) throw_misfit(name);
      return Access::make_instance(name, args);
    default:
      throw SerializationError(full_name(name) + " is not to be called");
  }
}

}  // namespace

Object call(const Object& callable, const Object& args) {
  if (Access::kind(args) != Kind::tuple)
    throw SerializationError("the arguments of a call are no tuple but a " + args.type());
  if (const KnownName* name = named(callable)) return call_name(*name, args);
  const KnownName* of_class = class_of(callable);
  if (of_class != nullptr && of_class->form == NameForm::partial)
    return call_partial(Access::node<InstanceNode>(callable), Access::items(args));
  throw SerializationError("a value of type " + callable.type() + " cannot be called");
}

Object new_instance(const Object& of_class, const Object& args) {
  const KnownName* name = named(of_class);
  if (name == nullptr)
    throw SerializationError("a value of type " + of_class.type() + " is no class");
  if (name->form != NameForm::stateful)
    throw SerializationError(full_name(*name) + " has no instances of this form");
  if (Access::kind(args) != Kind::tuple || !Access::items(args).empty()) throw_misfit(*name);
  return Access::make_instance(*name, args);
}

void build(const Object& instance, Object state) {
  const KnownName* name = class_of(instance);
  if (name == nullptr)
    throw SerializationError("a value of type " + instance.type() + " has no attributes");
  const Kind kind = Access::kind(state);
  bool fitting = false;
  if (name->form == NameForm::exception) {
    fitting = kind == Kind::dict;
  } else if (name->form == NameForm::stateful) {
    fitting = name->name == "Token" ? kind == Kind::tuple && state.size() == 3 : kind == Kind::dict;
  } else {
    fitting = (name->name == "iter" || name->name == "reversed") && is_whole(state);
  }
  auto& node = Access::node<InstanceNode>(instance);
  if (!fitting || !node.state.is_none())
    throw SerializationError("the state of a " + full_name(*name) + " does not fit");
  node.enclose(state);
  node.state = std::move(state);
}

}  // namespace multiprocessing::detail
