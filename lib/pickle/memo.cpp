#include "pickle/memo.hpp"

#include <string>

#include "multiprocessing/base/errors.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {

using Access = ObjectAccess;

Memo::~Memo() {
  if (keeps_all_) return;
  for (const Object& value : dense_) empty(value);
  for (const auto& [index, value] : sparse_) empty(value);
  for (const Object& value : watched_) empty(value);
}

void Memo::empty(const Object& value) const noexcept {
  if (!Access::is_container(value) || kept_.contains(Access::node(value))) return;
  switch (Access::kind(value)) {
    case ObjectKind::tuple:
    case ObjectKind::list:
      Access::node<SequenceNode>(value).items.clear();
      break;
    case ObjectKind::instance: {
      auto& node = Access::node<InstanceNode>(value);
      node.args = None;
      node.state = None;
      break;
    }
    default:
      Access::node<TableNode>(value).table.clear();
  }
}

void Memo::put(std::uint64_t index, const Object& value) {
  if (index == dense_.size()) {
    dense_.push_back(value);
    return;
  }
  Object& place = index < dense_.size() ? dense_[index] : sparse_[index];
  watch(place);
  place = value;
}

const Object& Memo::get(std::uint64_t index) const {
  if (index < dense_.size()) return dense_[index];
  const auto found = sparse_.find(index);
  if (found == sparse_.end())
    throw SerializationError("it refers to value " + std::to_string(index) + ", which it has not");
  return found->second;
}

void Memo::watch(const Object& value) {
  if (Access::is_container(value)) watched_.push_back(value);
}

}  // namespace multiprocessing::detail
