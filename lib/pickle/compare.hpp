// Equality, order and hashes of values.
#pragma once

#include <cstdint>

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

[[nodiscard]] bool same(const Object& a, const Object& b);

/// Never 0; with a seed of this process, so that no sender can choose keys that collide. Throws
/// TypeError for what Python cannot hash.
[[nodiscard]] std::uint64_t hash_of(const Object& value);

}  // namespace multiprocessing::detail
