// What the tests of executors share with their workers.
#pragma once

#include <exception>
#include <string>

#include "multiprocessing/futures.hpp"
#include "support/family.hpp"

namespace futures_test {

namespace mp = multiprocessing;
using test_support::Counters;
using test_support::exists;
using test_support::in_use;
using test_support::wait_until;

/// Runs once for each start method.
class FuturesTest : public test_support::EveryMethodTest {};

/// What is thrown is "TYPE: text" here; "" of null.
[[nodiscard]] std::string told(const std::exception_ptr& error);

}  // namespace futures_test
