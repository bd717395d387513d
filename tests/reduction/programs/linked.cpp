#include "reduction/programs/linked.hpp"

namespace linked {

int triple(int n) { return 3 * n; }
Machine::~Machine() = default;
int Machine::work(int n) { return n + 1000; }

}  // namespace linked
