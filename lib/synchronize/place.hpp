// An object's place in shared memory as text forms show it.
#pragma once

#include <cstdio>
#include <string>

#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

[[nodiscard]] inline std::string place_of(const Handle& object) {
  char text[24];
  std::snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(object.offset()));
  return text;
}

}  // namespace multiprocessing::detail
