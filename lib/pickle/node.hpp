// What lies behind an Object: the contents that copies share.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/pickle/object.hpp"
#include "pickle/table.hpp"

namespace multiprocessing::detail {

struct KnownName;  // names.hpp

enum class ObjectKind : std::uint8_t {
  none,
  truth,
  integer,  // in 64 bits
  real,
  large,  // an integer beyond 64 bits; from here on there is a node
  text,
  bytes,
  bytearray,
  tuple,
  list,
  set,
  frozenset,
  dict,
  instance,  // of a class of the table of names
  name,      // such a class itself
};

/// Nested at most so deep, so that all that walks through a value may recurse.
inline constexpr std::uint32_t deepest = 1000;

struct ObjectNode {
  std::atomic<std::uint32_t> references{1};
};

/// large (integers.hpp), text, bytes, bytearray.
struct TextNode : ObjectNode {
  explicit TextNode(std::string text) : text(std::move(text)) {}
  std::string text;
};

struct NameNode : ObjectNode {
  explicit NameNode(const KnownName& name) : name(&name) {}
  const KnownName* name;
};

/// How large a value is when contents that are shared count as often as they occur.
struct Extent {
  std::uint64_t values = 1;
  std::uint64_t bytes = 0;  // of text
};

struct ContainerNode : ObjectNode {
  /// Notes what an element adds to depth and extent. Throws ValueError when it would lie too deep.
  void enclose(const Object& element);
  std::uint32_t depth = 1;
  Extent extent = {};
};

/// tuple, list.
struct SequenceNode : ContainerNode {
  std::vector<Object> items;
  std::atomic<std::uint64_t> hash{0};  // of a tuple, once it was needed
};

/// dict, set, frozenset.
struct TableNode : ContainerNode {
  Table table;
};

struct InstanceNode : ContainerNode {
  InstanceNode(const KnownName& name, Object args, Object state);
  const KnownName* name;
  Object args;  // a tuple
  Object state;
};

/// The way to the inside of an Object.
class MULTIPROCESSING_API ObjectAccess {
 public:
  [[nodiscard]] static ObjectKind kind(const Object& value) noexcept { return value.kind_; }
  [[nodiscard]] static bool truth(const Object& value) noexcept { return value.word_ != 0; }
  [[nodiscard]] static std::int64_t integer(const Object& value) noexcept {
    return static_cast<std::int64_t>(value.word_);
  }
  [[nodiscard]] static double real(const Object& value) noexcept {
    return std::bit_cast<double>(value.word_);
  }
  [[nodiscard]] static ObjectNode* node(const Object& value) noexcept {
    return reinterpret_cast<ObjectNode*>(value.word_);
  }

  template <class Node>
  [[nodiscard]] static Node& node(const Object& value) noexcept {
    return *static_cast<Node*>(node(value));
  }
  [[nodiscard]] static const std::string& text(const Object& value) noexcept {
    return node<TextNode>(value).text;
  }
  [[nodiscard]] static const std::vector<Object>& items(const Object& value) noexcept {
    return node<SequenceNode>(value).items;
  }
  [[nodiscard]] static const Table& table(const Object& value) noexcept {
    return node<TableNode>(value).table;
  }

  /// A value with the node, which becomes its own.
  [[nodiscard]] static Object make(ObjectKind kind, ObjectNode* node) noexcept {
    return Object{kind, node};
  }
  [[nodiscard]] static Object make_text(ObjectKind kind, std::string text) {
    return make(kind, new TextNode{std::move(text)});
  }
  /// From two's complement, minimal or not.
  [[nodiscard]] static Object make_integer(std::string_view bytes);
  [[nodiscard]] static Object make_instance(const KnownName& name, Object args,
                                            Object state = None);
  /// A dict, set or frozenset, of which each key is hashed already.
  [[nodiscard]] static Object make_table(ObjectKind kind, Table table);
  [[nodiscard]] static Object make_name(const KnownName& name);

  [[nodiscard]] static Extent extent(const Object& value) noexcept;
  [[nodiscard]] static std::uint32_t depth(const Object& value) noexcept;
  [[nodiscard]] static bool is_container(const Object& value) noexcept {
    return value.kind_ >= ObjectKind::tuple && value.kind_ <= ObjectKind::instance;
  }
};

}  // namespace multiprocessing::detail
