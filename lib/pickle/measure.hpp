// How large and how deep a value is that was read, and whether it contains itself.
#pragma once

#include <unordered_set>

#include "multiprocessing/pickle/object.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {

/// Corrects what the containers in the value note of their depth and extent, which is wrong where
/// one was changed after it was put into another. Never recurses. Gives the nodes of all
/// containers. Throws SerializationError when one contains itself or all lie deeper than `deepest`.
std::unordered_set<const ObjectNode*> measure(const Object& value);

}  // namespace multiprocessing::detail
