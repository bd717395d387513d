// What the tests of primitives share.
#pragma once

#include "multiprocessing/base.hpp"
#include "multiprocessing/synchronize.hpp"
#include "support/asked.hpp"
#include "support/family.hpp"

namespace synchronize_test {

namespace mp = multiprocessing;
using test_support::asked;
using test_support::Counters;
using test_support::in_use;
using test_support::run_in_child;
using test_support::wait_until;

/// Runs in this process alone.
class ArenaTest : public testing::Test {};

/// Runs once for each start method.
using EveryMethodTest = test_support::EveryMethodTest;

}  // namespace synchronize_test
