#include "multiprocessing/pickle/object.hpp"

#include <bit>
#include <memory>
#include <optional>
#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/pickle.hpp"
#include "pickle/compare.hpp"
#include "pickle/integers.hpp"
#include "pickle/names.hpp"
#include "pickle/node.hpp"
#include "pickle/text.hpp"

namespace multiprocessing {
namespace {

using detail::InstanceNode;
using detail::NameNode;
using detail::SequenceNode;
using detail::TableNode;
using detail::TextNode;
using Access = detail::ObjectAccess;
using Kind = detail::ObjectKind;

void destroy(Kind kind, detail::ObjectNode* node) noexcept {
  switch (kind) {
    case Kind::tuple:
    case Kind::list:
      delete static_cast<SequenceNode*>(node);
      break;
    case Kind::set:
    case Kind::frozenset:
    case Kind::dict:
      delete static_cast<TableNode*>(node);
      break;
    case Kind::instance:
      delete static_cast<InstanceNode*>(node);
      break;
    case Kind::name:
      delete static_cast<NameNode*>(node);
      break;
    default:
      delete static_cast<TextNode*>(node);
  }
}

Object sequence(Kind kind, std::vector<Object> items) {
  auto node = std::make_unique<SequenceNode>();
  for (const Object& item : items) node->enclose(item);
  node->items = std::move(items);
  return Access::make(kind, node.release());
}

void add_entry(TableNode& node, Object key, Object value) {
  const std::uint64_t hash = detail::hash_of(key);
  node.enclose(key);
  node.enclose(value);
  node.table.insert(std::move(key), hash, std::move(value));
}

Object set_of(Kind kind, std::vector<Object> items) {
  auto node = std::make_unique<TableNode>();
  for (Object& item : items) add_entry(*node, std::move(item), None);
  return Access::make(kind, node.release());
}

std::string checked(std::string text) {
  if (!detail::is_utf8(text))
    throw ValueError("the text is no UTF-8; raw bytes are sent as multiprocessing::Bytes");
  return text;
}

[[noreturn]] void throw_no(const char* what, const Object& value) {
  throw TypeError("'" + value.type() + "' object " + what);
}

std::size_t checked_index(const Object& sequence, const Object& key) {
  const auto size = static_cast<std::int64_t>(Access::items(sequence).size());
  const Kind kind = Access::kind(key);
  if (kind != Kind::integer && kind != Kind::truth)
    throw TypeError(sequence.type() + " indices must be integers, not " + key.type());
  std::int64_t index = kind == Kind::truth ? Access::truth(key) : Access::integer(key);
  if (index < 0) index += size;
  if (index < 0 || index >= size)
    throw IndexError(sequence.type() + " index out of range: " + repr(key) + " of " +
                     std::to_string(size));
  return static_cast<std::size_t>(index);
}

void copy_contents(const SequenceNode& from, SequenceNode& to) { to.items = from.items; }
void copy_contents(const TableNode& from, TableNode& to) { to.table = from.table; }

/// The node, which belongs to this value alone from here on.
template <class Node>
Node& own(Object& value) {
  auto& shared = Access::node<Node>(value);
  if (shared.references.load(std::memory_order_acquire) == 1) return shared;
  auto copy = std::make_unique<Node>();
  copy->depth = shared.depth;
  copy->extent = shared.extent;
  copy_contents(shared, *copy);
  value = Access::make(Access::kind(value), copy.get());
  return *copy.release();
}

}  // namespace

Object::Object(None_t) noexcept : kind_(Kind::none), word_(0) {}
Object::Object(Truth truth) noexcept : kind_(Kind::truth), word_(truth.value ? 1 : 0) {}
Object::Object(Small integer) noexcept
    : kind_(Kind::integer), word_(static_cast<std::uint64_t>(integer.value)) {}
Object::Object(Real real) noexcept
    : kind_(Kind::real), word_(std::bit_cast<std::uint64_t>(real.value)) {}
Object::Object(Kind kind, detail::ObjectNode* node) noexcept
    : kind_(kind), word_(reinterpret_cast<std::uint64_t>(node)) {}
Object::Object(std::string_view text) : Object(std::string{text}) {}
Object::Object(std::string text) : Object(Kind::text, new TextNode{checked(std::move(text))}) {}
Object::Object(Bytes bytes) : Object(Kind::bytes, new TextNode{std::move(bytes)}) {}

Object::Object(const Object& other) noexcept : kind_(other.kind_), word_(other.word_) {
  if (kind_ >= Kind::large) Access::node(*this)->references.fetch_add(1, std::memory_order_relaxed);
}

Object::Object(Object&& other) noexcept
    : kind_(std::exchange(other.kind_, Kind::none)), word_(other.word_) {}

Object& Object::operator=(const Object& other) noexcept {
  Object copy{other};
  return *this = std::move(copy);
}

Object& Object::operator=(Object&& other) noexcept {
  Object taken{std::move(other)};
  std::swap(kind_, taken.kind_);
  std::swap(word_, taken.word_);
  return *this;
}

Object::~Object() {
  if (kind_ < Kind::large) return;
  detail::ObjectNode* const node = Access::node(*this);
  if (node->references.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(kind_, node);
}

Object Object::large(std::uint64_t value) {
  return Access::make_integer(detail::integer_bytes(value));
}

Object Object::integer(std::string_view digits) {
  const auto bytes = detail::integer_from_digits(digits);
  if (!bytes) throw ValueError("invalid literal for an int: '" + std::string{digits} + "'");
  return Access::make_integer(*bytes);
}

Object Object::list(std::initializer_list<Object> items) {
  return list(std::vector<Object>(items));
}
Object Object::list(std::vector<Object> items) { return sequence(Kind::list, std::move(items)); }
Object Object::tuple(std::initializer_list<Object> items) {
  return tuple(std::vector<Object>(items));
}
Object Object::tuple(std::vector<Object> items) { return sequence(Kind::tuple, std::move(items)); }
Object Object::set(std::initializer_list<Object> items) { return set(std::vector<Object>(items)); }
Object Object::set(std::vector<Object> items) { return set_of(Kind::set, std::move(items)); }
Object Object::frozenset(std::vector<Object> items) {
  return set_of(Kind::frozenset, std::move(items));
}
Object Object::bytearray(Bytes bytes) {
  return Access::make_text(Kind::bytearray, std::move(bytes));
}

Object Object::dict(std::initializer_list<std::pair<Object, Object>> items) {
  return dict(std::vector<std::pair<Object, Object>>(items));
}
Object Object::dict(std::vector<std::pair<Object, Object>> items) {
  auto node = std::make_unique<TableNode>();
  for (auto& [key, value] : items) add_entry(*node, std::move(key), std::move(value));
  return Access::make(Kind::dict, node.release());
}

bool Object::is_none() const noexcept { return kind_ == Kind::none; }

std::string Object::type() const {
  switch (kind_) {
    case Kind::none:
      return "NoneType";
    case Kind::truth:
      return "bool";
    case Kind::integer:
    case Kind::large:
      return "int";
    case Kind::real:
      return "float";
    case Kind::text:
      return "str";
    case Kind::bytes:
      return "bytes";
    case Kind::bytearray:
      return "bytearray";
    case Kind::tuple:
      return "tuple";
    case Kind::list:
      return "list";
    case Kind::set:
      return "set";
    case Kind::frozenset:
      return "frozenset";
    case Kind::dict:
      return "dict";
    case Kind::instance:
      return detail::class_name(*Access::node<InstanceNode>(*this).name);
    case Kind::name:
      break;
  }
  return "type";
}

std::size_t Object::size() const {
  switch (kind_) {
    case Kind::text:
      return detail::count_characters(Access::text(*this));
    case Kind::bytes:
    case Kind::bytearray:
      return Access::text(*this).size();
    case Kind::tuple:
    case Kind::list:
      return Access::items(*this).size();
    case Kind::set:
    case Kind::frozenset:
    case Kind::dict:
      return Access::table(*this).size();
    default:
      throw_no("has no size", *this);
  }
}

Object Object::operator[](const Object& key) const {
  if (kind_ == Kind::tuple || kind_ == Kind::list)
    return Access::items(*this)[checked_index(*this, key)];
  if (kind_ != Kind::dict) throw_no("has no elements by key", *this);
  const auto* entry = Access::table(*this).find(key, detail::hash_of(key));
  if (entry == nullptr) throw KeyError(repr(key));
  return entry->value;
}

void Object::set(const Object& key, Object value) & {
  if (kind_ == Kind::list) {
    const std::size_t index = checked_index(*this, key);
    auto& node = own<SequenceNode>(*this);
    node.enclose(value);
    node.items[index] = std::move(value);
  } else if (kind_ == Kind::dict) {
    add_entry(own<TableNode>(*this), key, std::move(value));
  } else {
    throw_no("does not support item assignment", *this);
  }
}

void Object::append(Object item) & {
  if (kind_ != Kind::list) throw_no("is no list to append to", *this);
  auto& node = own<SequenceNode>(*this);
  node.enclose(item);
  node.items.push_back(std::move(item));
}

bool Object::add(Object item) & {
  if (kind_ != Kind::set) throw_no("is no set to add to", *this);
  const std::size_t before = size();
  add_entry(own<TableNode>(*this), std::move(item), None);
  return size() != before;
}

bool Object::erase(const Object& key) & {
  if (kind_ != Kind::set && kind_ != Kind::dict) throw_no("is no dict or set", *this);
  const std::uint64_t hash = detail::hash_of(key);
  if (Access::table(*this).find(key, hash) == nullptr) return false;
  return own<TableNode>(*this).table.erase(key, hash);
}

bool Object::contains(const Object& key) const {
  if (kind_ == Kind::tuple || kind_ == Kind::list) {
    for (const Object& item : Access::items(*this))
      if (item == key) return true;
    return false;
  }
  if (kind_ != Kind::set && kind_ != Kind::frozenset && kind_ != Kind::dict)
    throw_no("is no container", *this);
  return Access::table(*this).find(key, detail::hash_of(key)) != nullptr;
}

std::vector<std::pair<Object, Object>> Object::items() const {
  if (kind_ != Kind::dict) throw_no("is no dict", *this);
  std::vector<std::pair<Object, Object>> found;
  found.reserve(size());
  Access::table(*this).each(
      [&](const detail::Table::Entry& entry) { found.emplace_back(entry.key, entry.value); });
  return found;
}

Object Object::args() const {
  if (kind_ != Kind::instance) throw_no("is no instance", *this);
  return Access::node<InstanceNode>(*this).args;
}

Object Object::state() const {
  if (kind_ != Kind::instance) throw_no("is no instance", *this);
  return Access::node<InstanceNode>(*this).state;
}

Bytes Object::write() const { return dumps(*this); }

Object Object::read(const Bytes& pickled) {
  constexpr auto any = static_cast<std::size_t>(-1);
  return loads(pickled, {.max_bytes = any, .max_values = any, .max_int_bytes = any});
}

}  // namespace multiprocessing
