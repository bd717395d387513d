#include "managers/contents.hpp"

namespace multiprocessing::detail {

Object contents_of(const Object& value, const Referents& others) {
  const auto referent = others.behind(value);
  return referent == nullptr ? value : referent->value();
}

std::vector<Object> contents_of(const std::vector<Object>& values, const Referents& others) {
  std::vector<Object> contents;
  contents.reserve(values.size());
  for (const Object& value : values) contents.push_back(contents_of(value, others));
  return contents;
}

}  // namespace multiprocessing::detail
