#include "pickle/notation.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>

#include "pickle/names.hpp"
#include "pickle/node.hpp"

namespace pickle_test {
namespace {

using mp::Object;
using Access = mp::detail::ObjectAccess;
using Kind = mp::detail::ObjectKind;

// ---- JSON, as far as the vectors have it

class Json {
 public:
  explicit Json(std::string_view text) : rest_(text) {}

  Object value() {
    skip_blanks();
    if (rest_.starts_with('{')) return dict();
    if (rest_.starts_with('[')) return list();
    if (rest_.starts_with('"')) return text();
    return word();
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n'))
      rest_.remove_prefix(1);
  }
  bool take(char wanted) {
    skip_blanks();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void must(char wanted) {
    if (!take(wanted)) throw std::runtime_error("JSON: no " + std::string{wanted});
  }
  Object list() {
    std::vector<Object> items;
    must('[');
    while (!take(']')) {
      items.push_back(value());
      take(',');
    }
    return Object::list(std::move(items));
  }
  Object dict() {
    std::vector<std::pair<Object, Object>> items;
    must('{');
    while (!take('}')) {
      skip_blanks();
      Object key = text();
      must(':');
      items.emplace_back(std::move(key), value());
      take(',');
    }
    return Object::dict(std::move(items));
  }
  Object text() {
    std::string found;
    must('"');
    for (; !rest_.starts_with('"'); rest_.remove_prefix(1)) {
      if (rest_.starts_with('\\')) rest_.remove_prefix(1);  // only \\ and \" occur
      found += rest_.front();
    }
    must('"');
    return found;
  }
  Object word() {
    const std::string_view found = rest_.substr(0, rest_.find_first_of(",]} \n"));
    rest_.remove_prefix(found.size());
    if (found == "null") return mp::None;
    if (found == "true" || found == "false") return found == "true";
    return Object::integer(found);
  }

  std::string_view rest_;
};

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (; times > 0; --times) text += part;
  return text;
}

/// Reads the notation; knows what "ref" refers to.
class Notation {
 public:
  Object value(const Object& notation) {
    const std::string tag = notation[0].as<std::string>();
    if (tag == "def") return defined_[notation[1].as<int>()] = value(notation[2]);
    if (tag == "ref") return defined_.at(notation[1].as<int>());
    if (tag == "none") return mp::None;
    if (tag == "bool") return notation[1];
    if (tag == "int") return Object::integer(notation[1].as<std::string>());
    if (tag == "float")
      return std::bit_cast<double>(std::stoull(notation[1].as<std::string>(), nullptr, 16));
    if (tag == "str") return notation[1];
    if (tag == "strx") return from_hex(notation[1].as<std::string>());
    if (tag == "bytes") return mp::Bytes{from_hex(notation[1].as<std::string>())};
    if (tag == "bytearray")
      return Object::bytearray(mp::Bytes{from_hex(notation[1].as<std::string>())});
    if (tag == "rep") return repetition(notation);
    return container(tag, notation);
  }

 private:
  Object repetition(const Object& notation) {
    std::string text =
        repeated(from_hex(notation[2].as<std::string>()), notation[3].as<std::size_t>());
    if (notation[1] == Object{"str"}) return text;
    mp::Bytes bytes{std::move(text)};
    return notation[1] == Object{"bytes"} ? Object{std::move(bytes)}
                                          : Object::bytearray(std::move(bytes));
  }

  std::vector<Object> items(const Object& notations) {
    std::vector<Object> found;
    for (const Object& each : notations.as<std::vector<Object>>()) {
      const bool repeats = each[0] == Object{"repeat"};
      const Object item = value(repeats ? each[1] : each);
      found.insert(found.end(), repeats ? each[2].as<std::size_t>() : 1, item);
    }
    return found;
  }

  Object container(const std::string& tag, const Object& notation) {
    if (tag == "list") return Object::list(items(notation[1]));
    if (tag == "tuple") return Object::tuple(items(notation[1]));
    if (tag == "set") return Object::set(items(notation[1]));
    if (tag == "frozenset") return Object::frozenset(items(notation[1]));
    if (tag != "dict") return instance(tag, notation);
    Object dict = Object::dict();
    for (const Object& pair : notation[1].as<std::vector<Object>>()) {
      const Object key = value(pair[0]);
      dict.set(key, value(pair[1]));
    }
    return dict;
  }

  static const mp::detail::KnownName& named(const std::string& name) {
    const std::size_t dot = name.rfind('.');
    const auto* found = mp::detail::find_name(name.substr(0, dot), name.substr(dot + 1));
    if (found == nullptr) throw std::runtime_error("no name " + name);
    return *found;
  }
  static Object made(const std::string& name, std::vector<Object> args, Object state = mp::None) {
    return Access::make_instance(named(name), Object::tuple(std::move(args)), std::move(state));
  }

  Object instance(const std::string& tag, const Object& notation) {
    const auto parts = notation.as<std::vector<Object>>();
    if (tag == "ellipsis") return made("builtins.Ellipsis", {});
    if (tag == "complex" || tag == "slice" || tag == "range")
      return made("builtins." + tag, items(Object::list({parts.begin() + 1, parts.end()})));
    if (tag == "array")
      return made("array.array",
                  {parts[1], Object{mp::Bytes{from_hex(parts[2].as<std::string>())}}});
    if (tag == "exc")
      return made(parts[1].as<std::string>(), items(parts[2]),
                  parts[3].is_none() ? Object{} : value(parts[3]));
    if (tag == "token")
      return made("multiprocessing.managers.Token", {},
                  Object::tuple({parts[1], value(parts[2]), parts[3]}));
    if (tag == "proxy")
      return made("multiprocessing.managers.RebuildProxy",
                  {Access::make_name(named(parts[1].as<std::string>())), value(parts[2]), parts[3],
                   value(parts[4])});
    if (tag == "object") {
      const Object state = value(parts[2]);
      return made(parts[1].as<std::string>(), {}, state.size() == 0 ? Object{} : state);
    }
    if (tag == "iter")
      return made("builtins." + parts[1].as<std::string>(), {value(parts[2])},
                  parts[3].is_none() ? Object{} : value(parts[3]));
    if (tag == "shm")
      return made("multiprocessing.shared_memory.SharedMemory", {parts[1], false, parts[2]});
    if (tag == "shmlist") return made("multiprocessing.shared_memory.ShareableList", {parts[1]});
    throw std::runtime_error("the notation has no " + tag);
  }

  std::map<int, Object> defined_;
};

std::string joined(const std::vector<std::string>& parts) {
  std::string text = "(";
  for (const std::string& part : parts) text += part + ' ';
  return text + ')';
}

}  // namespace

mp::Object from_json(std::string_view text) { return Json{text}.value(); }

const std::vector<Object>& vectors(const std::string& file) {
  static std::map<std::string, std::vector<Object>> files;
  std::vector<Object>& lines = files[file];
  if (!lines.empty()) return lines;
  std::ifstream stream{std::string{PICKLE_TESTS} + "/vectors/" + file};
  for (std::string line; std::getline(stream, line);) lines.push_back(from_json(line));
  return lines;
}

std::string bytes_of(const Object& line) {
  if (line.contains("hex")) return from_hex(line["hex"].as<std::string>());
  std::string bytes;
  for (const auto& [hex, times] :
       line["parts"].as<std::vector<std::pair<std::string, std::size_t>>>())
    bytes += repeated(from_hex(hex), times);
  return bytes;
}

Object from_notation(const Object& notation) { return Notation{}.value(notation); }

std::string exactly(const Object& value) {
  std::vector<std::string> parts{value.type()};
  switch (Access::kind(value)) {
    case Kind::tuple:
    case Kind::list:
      for (const Object& item : Access::items(value)) parts.push_back(exactly(item));
      break;
    case Kind::set:
    case Kind::frozenset:
      Access::table(value).each(
          [&](const mp::detail::Table::Entry& entry) { parts.push_back(exactly(entry.key)); });
      std::sort(parts.begin() + 1, parts.end());
      break;
    case Kind::dict:
      for (const auto& [key, item] : value.items())
        parts.insert(parts.end(), {exactly(key), exactly(item)});
      break;
    case Kind::instance:
      parts.push_back(mp::detail::full_name(*Access::node<mp::detail::InstanceNode>(value).name));
      parts.insert(parts.end(), {exactly(value.args()), exactly(value.state())});
      break;
    default:
      parts.push_back(repr(value));
  }
  return joined(parts);
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string{digits.substr(i, 2)}, nullptr, 16));
  return bytes;
}

}  // namespace pickle_test
