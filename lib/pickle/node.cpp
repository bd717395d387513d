#include "pickle/node.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "pickle/integers.hpp"

namespace multiprocessing::detail {
namespace {

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}

}  // namespace

void ContainerNode::enclose(const Object& element) {
  const std::uint32_t inside = ObjectAccess::depth(element);
  if (inside >= deepest)
    throw ValueError("values are nested deeper than " + std::to_string(deepest));
  depth = std::max(depth, inside + 1);
  const Extent more = ObjectAccess::extent(element);
  extent = {sum(extent.values, more.values), sum(extent.bytes, more.bytes)};
}

InstanceNode::InstanceNode(const KnownName& name, Object args, Object state)
    : name(&name), args(std::move(args)), state(std::move(state)) {
  enclose(this->args);
  enclose(this->state);
}

Object ObjectAccess::make_integer(std::string_view bytes) {
  if (const auto small = small_integer(bytes)) return Object{*small};
  return make_text(ObjectKind::large, std::string{minimal_integer(bytes)});
}

Object ObjectAccess::make_instance(const KnownName& name, Object args, Object state) {
  return make(ObjectKind::instance, new InstanceNode{name, std::move(args), std::move(state)});
}

Object ObjectAccess::make_table(ObjectKind kind, Table table) {
  auto node = std::make_unique<TableNode>();
  table.each([&](const Table::Entry& entry) {
    node->enclose(entry.key);
    node->enclose(entry.value);
  });
  node->table = std::move(table);
  return make(kind, node.release());
}

Object ObjectAccess::make_name(const KnownName& name) {
  return make(ObjectKind::name, new NameNode{name});
}

Extent ObjectAccess::extent(const Object& value) noexcept {
  switch (value.kind_) {
    case ObjectKind::large:
    case ObjectKind::text:
    case ObjectKind::bytes:
    case ObjectKind::bytearray:
      return {1, text(value).size()};
    default:
      return is_container(value) ? node<ContainerNode>(value).extent : Extent{};
  }
}

std::uint32_t ObjectAccess::depth(const Object& value) noexcept {
  return is_container(value) ? node<ContainerNode>(value).depth : 0;
}

}  // namespace multiprocessing::detail
