#include "managers/types.hpp"

namespace multiprocessing::detail {

std::vector<TypeEntry> waiting_types() { return {}; }

}  // namespace multiprocessing::detail
