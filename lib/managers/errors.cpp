#include "managers/errors.hpp"

#include <string>

#include "managers/referent.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {

void raise_key_error(const Object& key) { throw PythonError("KeyError", {key}); }

void raise_too_large(std::string_view what) {
  throw PythonError("MemoryError", {std::string{what} + " is larger than a manager holds"});
}

void raise_unknown_method(std::string_view type, std::string_view method) {
  throw AttributeError("'" + std::string{type} + "' object has no attribute '" +
                       std::string{method} + "'");
}

}  // namespace multiprocessing::detail
