#include "pickle/measure.hpp"

#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;

/// A container in the middle of its measurement.
struct Open {
  ContainerNode* node;
  std::vector<const Object*> elements;
  std::size_t next = 0;
};

Open opened(const Object& value) {
  Open open{&Access::node<ContainerNode>(value), {}, 0};
  switch (Access::kind(value)) {
    case ObjectKind::tuple:
    case ObjectKind::list:
      for (const Object& item : Access::items(value)) open.elements.push_back(&item);
      break;
    case ObjectKind::instance: {
      const auto& instance = Access::node<InstanceNode>(value);
      open.elements = {&instance.args, &instance.state};
      break;
    }
    default:
      Access::table(value).each([&](const Table::Entry& entry) {
        open.elements.push_back(&entry.key);
        open.elements.push_back(&entry.value);
      });
  }
  return open;
}

void close(const Open& open) {
  open.node->depth = 1;
  open.node->extent = {};
  for (const Object* element : open.elements) open.node->enclose(*element);
}

}  // namespace

std::unordered_set<const ObjectNode*> measure(const Object& value) {
  std::unordered_set<const ObjectNode*> done;
  std::unordered_set<const ObjectNode*> inside;  // those that are open
  std::vector<Open> way;
  const auto enter = [&](const Object& element) {
    const ObjectNode* const node = Access::node(element);
    if (!Access::is_container(element) || done.contains(node)) return;
    if (!inside.insert(node).second)
      throw SerializationError("a " + element.type() + " contains itself, which no value here can");
    way.push_back(opened(element));
  };
  enter(value);
  while (!way.empty()) {
    if (way.back().next < way.back().elements.size()) {
      enter(*way.back().elements[way.back().next++]);
      continue;
    }
    close(way.back());
    inside.erase(way.back().node);
    done.insert(way.back().node);
    way.pop_back();
  }
  return done;
}

}  // namespace multiprocessing::detail
