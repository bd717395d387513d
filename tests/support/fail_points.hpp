// The fail points that the library has, read from its sources: so that none is without a test.
#pragma once

#include <set>
#include <string>

namespace test_support {

/// The names that begin with `prefix`, in the files of the folder.
[[nodiscard]] std::set<std::string> fail_points_in(const std::string& folder,
                                                   const std::string& prefix = {});

}  // namespace test_support
