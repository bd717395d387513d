#include "managers/types.hpp"

namespace multiprocessing::detail {

std::vector<TypeEntry> container_types() { return {}; }

}  // namespace multiprocessing::detail
