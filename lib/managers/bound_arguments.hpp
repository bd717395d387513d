// Arguments of functions that are written in Python, with its messages.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

struct PythonFunction {
  std::string_view name;  // as messages have it: "Value.set"
  bool method;            // self is counted in messages
  std::span<const std::string_view> parameters;
  std::size_t required;
};

/// What each parameter gets, by place or by name; None for one that is left out. Throws TypeError.
[[nodiscard]] std::vector<Object> bound_arguments(const PythonFunction& function,
                                                  const std::vector<Object>& args,
                                                  const Object& kwds);

}  // namespace multiprocessing::detail
