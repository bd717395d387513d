#include "support/fail_points.hpp"

#include <filesystem>
#include <fstream>

namespace test_support {

std::set<std::string> fail_points_in(const std::string& folder, const std::string& prefix) {
  std::set<std::string> names;
  const std::string call = "fail_point(\"";
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    std::ifstream in{entry.path()};
    for (std::string line; std::getline(in, line);)
      if (auto at = line.find(call + prefix); at != line.npos) {
        at += call.size();
        names.insert(line.substr(at, line.find('"', at) - at));
      }
  }
  return names;
}

}  // namespace test_support
