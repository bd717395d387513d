// The old spin, until all have gone over to base/back_off.hpp.
#pragma once

#include "base/back_off.hpp"

namespace multiprocessing::detail {

template <class Done>
[[nodiscard]] bool spin(int polls, Done done, int most_pauses = 1) {
  return spin(BackOff{polls, 0, most_pauses, 16, {}, {}, {}, true}, done);
}

}  // namespace multiprocessing::detail
