#include "managers/array.hpp"
#include "managers/contents.hpp"
#include "managers/dict.hpp"
#include "managers/list.hpp"
#include "managers/namespace.hpp"
#include "managers/set.hpp"
#include "managers/single_value.hpp"
#include "managers/types.hpp"

namespace multiprocessing::detail {
namespace {

/// A container is made from what a proxy of another stands for.
template <class T>
TypeEntry looking_into(std::string type_id) {
  return {std::move(type_id),
          [](const std::vector<Object>& args, const Object& kwds, const Referents& others) {
            return T::make(contents_of(args, others), kwds);
          }};
}

/// Proxies among the arguments are kept.
template <class T>
TypeEntry as_given(std::string type_id) {
  return {std::move(type_id), [](const std::vector<Object>& args, const Object& kwds,
                                 const Referents&) { return T::make(args, kwds); }};
}

}  // namespace

std::vector<TypeEntry> container_types() {
  return {looking_into<List>("list"),     looking_into<Dict>("dict"),
          looking_into<Set>("set"),       as_given<Namespace>("Namespace"),
          as_given<SingleValue>("Value"), looking_into<Array>("Array")};
}

}  // namespace multiprocessing::detail
