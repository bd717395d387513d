// Proxies among the arguments of calls that look into them: what they stand for.
#pragma once

#include <vector>

#include "managers/referent.hpp"

namespace multiprocessing::detail {

/// The value of the object that a proxy of this server stands for; other values as they are.
[[nodiscard]] Object contents_of(const Object& value, const Referents& others);
[[nodiscard]] std::vector<Object> contents_of(const std::vector<Object>& values,
                                              const Referents& others);

}  // namespace multiprocessing::detail
