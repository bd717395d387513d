// What a pickle may have called: nothing but what makes a value here. All throw SerializationError
// for what is not to be called and for arguments that do not fit.
#pragma once

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

/// REDUCE: the result of callable(*args).
[[nodiscard]] Object call(const Object& callable, const Object& args);

/// NEWOBJ: an instance that is about to get its state.
[[nodiscard]] Object new_instance(const Object& of_class, const Object& args);

/// BUILD: gives the instance its state.
void build(const Object& instance, Object state);

}  // namespace multiprocessing::detail
