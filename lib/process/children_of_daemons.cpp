#include "process/children_of_daemons.hpp"

#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

constinit thread_local int permissions = 0;

// The child that was allowed is forked by the thread that allows it.
const InForkedChild forget{[]() { permissions = 0; }};

}  // namespace

ChildrenOfDaemons::ChildrenOfDaemons() { ++permissions; }
ChildrenOfDaemons::~ChildrenOfDaemons() { --permissions; }
bool ChildrenOfDaemons::allowed() { return permissions != 0; }

}  // namespace multiprocessing::detail
