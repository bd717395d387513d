// The suite that runs once for each start method, and what several files use.
#pragma once

#include <sys/types.h>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/connection.hpp"
#include "support/family.hpp"

namespace connection_test {

namespace mp = multiprocessing;

/// Runs once for each start method.
class ProcessesTest : public test_support::EveryMethodTest {};

/// Joins the child and expects that it ended well.
void expect_good_end(mp::Process& child);

/// Kills the child and waits for its end.
void kill_and_join(mp::Process& child);

/// A child of this process.
void wait_until_asleep(pid_t child);
void wait_until_stopped(pid_t child);

namespace entry {

/// Sends bytes back until an empty message comes.
void echo(mp::Connection connection);

/// Waits until somebody closes the other end, or kills it.
void hold(mp::Connection connection);

}  // namespace entry
}  // namespace connection_test
