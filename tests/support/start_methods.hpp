// The start methods, for suites that run once for each.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace test_support {

inline const std::array<std::string, 3> every_start_method{"fork", "spawn", "forkserver"};

/// Names the tests of a suite after its parameter, a string: …/fork, …/spawn, …/forkserver.
/// (testing::PrintToStringParamName quotes strings, and a quote may not stand in a test's name.)
///
///     INSTANTIATE_TEST_SUITE_P(EveryStartMethod, XTest,
///                              testing::ValuesIn(test_support::every_start_method),
///                              test_support::NamedByParameter{});
struct NamedByParameter {
  std::string operator()(const testing::TestParamInfo<std::string>& info) const {
    return info.param;
  }
};

}  // namespace test_support
