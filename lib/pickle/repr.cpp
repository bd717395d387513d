#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "multiprocessing/pickle/object.hpp"
#include "pickle/array.hpp"
#include "pickle/exceptions.hpp"
#include "pickle/floats.hpp"
#include "pickle/integers.hpp"
#include "pickle/names.hpp"
#include "pickle/node.hpp"
#include "pickle/text.hpp"

namespace multiprocessing {
namespace {

using Access = detail::ObjectAccess;
using Kind = detail::ObjectKind;

void print(std::string& out, const Object& value);

// ---- text

void print_hex(std::string& out, char mark, char32_t number, int digits) {
  out += '\\';
  out += mark;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out += "0123456789abcdef"[(number >> static_cast<unsigned>(shift)) & 15U];
}

/// Single quotes, unless only double ones need no escape.
char quote_for(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  return has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
}

bool print_short_escape(std::string& out, char32_t character, char quote) {
  switch (character) {
    case '\n':
      out += "\\n";
      return true;
    case '\r':
      out += "\\r";
      return true;
    case '\t':
      out += "\\t";
      return true;
    case '\\':
      out += "\\\\";
      return true;
    default:
      if (character != static_cast<unsigned char>(quote)) return false;
      out += '\\';
      out += quote;
      return true;
  }
}

void print_text(std::string& out, std::string_view text) {
  const char quote = quote_for(text);
  out += quote;
  while (!text.empty()) {
    const char32_t character = detail::take_character(text);
    if (print_short_escape(out, character, quote)) continue;
    if (detail::is_printable(character)) {
      detail::append_character(out, character);
    } else if (character < 0x100) {
      print_hex(out, 'x', character, 2);
    } else if (character < 0x10000) {
      print_hex(out, 'u', character, 4);
    } else {
      print_hex(out, 'U', character, 8);
    }
  }
  out += quote;
}

void print_bytes(std::string& out, std::string_view bytes) {
  const char quote = quote_for(bytes);
  out += 'b';
  out += quote;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (print_short_escape(out, byte, quote)) continue;
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      print_hex(out, 'x', byte, 2);
    }
  }
  out += quote;
}

// ---- containers

template <class Items, class Print>
void print_joined(std::string& out, const Items& items, Print print_item) {
  bool first = true;
  for (const auto& item : items) {
    if (!std::exchange(first, false)) out += ", ";
    print_item(item);
  }
}

void print_items(std::string& out, const std::vector<Object>& items) {
  print_joined(out, items, [&](const Object& item) { print(out, item); });
}

void print_tuple(std::string& out, const std::vector<Object>& items) {
  out += '(';
  print_items(out, items);
  out += items.size() == 1 ? ",)" : ")";
}

void print_table(std::string& out, const detail::Table& table, bool with_values) {
  bool first = true;
  out += '{';
  table.each([&](const detail::Table::Entry& entry) {
    if (!std::exchange(first, false)) out += ", ";
    print(out, entry.key);
    if (!with_values) return;
    out += ": ";
    print(out, entry.value);
  });
  out += '}';
}

void print_set(std::string& out, const Object& value) {
  const bool frozen = Access::kind(value) == Kind::frozenset;
  const bool empty = value.size() == 0;
  if (frozen || empty) out += frozen ? "frozenset(" : "set(";
  if (!empty) print_table(out, Access::table(value), false);
  if (frozen || empty) out += ')';
}

// ---- instances

void print_call(std::string& out, std::string_view name, const std::vector<Object>& args) {
  out += name;
  out += '(';
  print_items(out, args);
  out += ')';
}

bool print_complex(std::string& out, const std::vector<Object>& args) {
  if (args.size() != 2 || Access::kind(args[0]) != Kind::real ||
      Access::kind(args[1]) != Kind::real)
    return false;
  const std::string real = detail::digits_of_float(Access::real(args[0]), false);
  const std::string imaginary = detail::digits_of_float(Access::real(args[1]), false) + 'j';
  if (real == "0") {
    out += imaginary;
  } else {
    out += '(' + real + (imaginary.starts_with('-') ? "" : "+") + imaginary + ')';
  }
  return true;
}

bool print_array(std::string& out, const std::vector<Object>& args) {
  const bool whole = args.size() == 2 && Access::kind(args[0]) == Kind::text &&
                     Access::text(args[0]).size() == 1 && Access::kind(args[1]) == Kind::bytes;
  if (!whole) return false;
  const char typecode = Access::text(args[0])[0];
  const auto items = detail::array_items(typecode, Access::text(args[1]));
  if (!items) return false;
  out += std::string{"array('"} + typecode + '\'';
  if (!items->empty() && (typecode == 'u' || typecode == 'w')) {
    std::string text;
    for (const Object& item : *items) text += Access::text(item);
    out += ", ";
    print_text(out, text);
  } else if (!items->empty()) {
    out += ", [";
    print_items(out, *items);
    out += ']';
  }
  out += ')';
  return true;
}

/// multiprocessing.managers.Namespace: its public attributes by name.
bool print_namespace(std::string& out, const Object& state) {
  std::vector<std::pair<Object, Object>> attributes;
  if (Access::kind(state) == Kind::dict) attributes = state.items();
  std::vector<std::string> shown;
  for (const auto& [name, value] : attributes) {
    const std::string text = str(name);
    if (!text.starts_with('_')) shown.push_back(text + '=' + repr(value));
  }
  std::sort(shown.begin(), shown.end());
  out += "Namespace(";
  print_joined(out, shown, [&](const std::string& each) { out += each; });
  out += ')';
  return true;
}

bool print_token(std::string& out, const Object& state) {
  if (Access::kind(state) != Kind::tuple || state.size() != 3) return false;
  const auto& parts = Access::items(state);
  out += "Token(typeid=" + repr(parts[0]) + ", address=" + repr(parts[1]) +
         ", id=" + repr(parts[2]) + ')';
  return true;
}

bool print_value(std::string& out, const Object& state) {
  if (Access::kind(state) != Kind::dict || !state.contains("_typecode") ||
      !state.contains("_value"))
    return false;
  out += "Value(" + repr(state["_typecode"]) + ", " + repr(state["_value"]) + ')';
  return true;
}

bool print_specially(std::string& out, const detail::InstanceNode& node) {
  const std::string_view name = node.name->name;
  const auto& args = Access::items(node.args);
  if (name == "complex") return print_complex(out, args);
  if (name == "array") return print_array(out, args);
  if (name == "Namespace") return print_namespace(out, node.state);
  if (name == "Token") return print_token(out, node.state);
  if (name == "Value") return print_value(out, node.state);
  if (name == "range" && args.size() == 3 && args[2] == Object{1}) {
    print_call(out, name, {args[0], args[1]});
    return true;
  }
  if (node.name->form == detail::NameForm::ellipsis) {
    out += "Ellipsis";
    return true;
  }
  return false;
}

void print_instance(std::string& out, const detail::InstanceNode& node) {
  if (print_specially(out, node)) return;
  const auto& args = Access::items(node.args);
  // Python keeps the name of the file apart.
  const bool with_file = detail::is_os_error(*node.name) && args.size() > 2 && args.size() <= 5;
  if (with_file) {
    print_call(out, node.name->name, {args[0], args[1]});
  } else {
    print_call(out, node.name->name, args);
  }
}

void print(std::string& out, const Object& value) {
  switch (Access::kind(value)) {
    case Kind::none:
      out += "None";
      return;
    case Kind::truth:
      out += Access::truth(value) ? "True" : "False";
      return;
    case Kind::integer:
      out += std::to_string(Access::integer(value));
      return;
    case Kind::large:
      out += detail::digits_of_integer(Access::text(value));
      return;
    case Kind::real:
      out += detail::digits_of_float(Access::real(value));
      return;
    case Kind::text:
      return print_text(out, Access::text(value));
    case Kind::bytes:
      return print_bytes(out, Access::text(value));
    case Kind::bytearray:
      out += "bytearray(";
      print_bytes(out, Access::text(value));
      out += ')';
      return;
    case Kind::tuple:
      return print_tuple(out, Access::items(value));
    case Kind::list:
      out += '[';
      print_items(out, Access::items(value));
      out += ']';
      return;
    case Kind::set:
    case Kind::frozenset:
      return print_set(out, value);
    case Kind::dict:
      return print_table(out, Access::table(value), true);
    case Kind::instance:
      return print_instance(out, Access::node<detail::InstanceNode>(value));
    case Kind::name:
      out += "<class '" + detail::full_name(*Access::node<detail::NameNode>(value).name) + "'>";
  }
}

}  // namespace

std::string repr(const Object& value) {
  std::string out;
  print(out, value);
  return out;
}

std::string str(const Object& value) {
  if (Access::kind(value) == Kind::text) return Access::text(value);
  if (Access::kind(value) != Kind::instance) return repr(value);
  const auto& node = Access::node<detail::InstanceNode>(value);
  if (node.name->form == detail::NameForm::exception)
    return detail::message_of(*node.name, node.args);
  return repr(value);
}

std::ostream& operator<<(std::ostream& stream, const Object& value) { return stream << str(value); }

}  // namespace multiprocessing
