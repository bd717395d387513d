// The mode of tests in which a lost wake is a hang; see lost_wakes.cpp.
#pragma once

namespace test_support {

/// Returns when no sleeper of this process looks up by itself any more, for the last death in the
/// family is long ago; at once outside of the mode.
void wait_until_strict();

}  // namespace test_support
