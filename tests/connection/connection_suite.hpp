// The suite that runs once for each start method, and what several files use.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/connection.hpp"
#include "multiprocessing/process.hpp"
#include "support/start_methods.hpp"

namespace connection_test {

namespace mp = multiprocessing;

/// Runs with the start method that is its parameter chosen for the program.
class ProcessesTest : public testing::TestWithParam<std::string> {
 protected:
  ProcessesTest() { mp::set_start_method(GetParam(), {.force = true}); }
  ~ProcessesTest() override { mp::set_start_method(std::nullopt, {.force = true}); }

  [[nodiscard]] bool forks() const { return GetParam() == "fork"; }
};

/// Joins the child and expects that it ended well.
void expect_good_end(mp::Process& child);

/// Kills the child and waits for its end.
void kill_and_join(mp::Process& child);

namespace entry {

/// Sends bytes back until an empty message comes.
void echo(mp::Connection connection);

/// Waits until somebody closes the other end, or kills it.
void hold(mp::Connection connection);

}  // namespace entry
}  // namespace connection_test
