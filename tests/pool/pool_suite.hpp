// What the tests of pools share with their workers.
#pragma once

#include <string>
#include <vector>

#include "multiprocessing/pool.hpp"
#include "multiprocessing/reduction/partial.hpp"
#include "support/family.hpp"

namespace pool_test {

namespace mp = multiprocessing;
using test_support::Counters;
using test_support::exists;
using test_support::in_use;
using test_support::InUse;
using test_support::wait_until;

/// Runs once for each start method.
class PoolTest : public test_support::EveryMethodTest {};

/// An initializer that counts workers: the first that comes by is killed at its `nth` pass of the
/// fail point.
void arm_first(Counters counters, std::string point, unsigned nth);

/// An initializer: every worker is.
void arm_each(Counters counters, std::string point, unsigned nth);

/// At which of these passes of a fail point a test kills: all three, or the first where all is
/// slow.
std::vector<unsigned> passes_asked_for(std::vector<unsigned> passes);

/// How often work is given while workers are killed at random.
int rounds_with_kills();

}  // namespace pool_test
