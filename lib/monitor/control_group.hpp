// ControlGroup: how much of its share the control group of this process uses.
#pragma once

#include <optional>
#include <string>

#include "monitor/baseline.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/monitor/stats.hpp"

namespace multiprocessing::detail {

/// Of version 2 and of version 1; in a container, of the part that it sees.
class MULTIPROCESSING_API ControlGroup {
 public:
  /// Looks for the group in the files below `root`: "", or a test's own folder.
  explicit ControlGroup(const std::string& root = {});

  [[nodiscard]] bool first() const { return usage_.empty(); }
  /// Sets what has a limit.
  void add_to(SystemStats& stats, Moment now);

 private:
  struct Folder {
    std::string path;  // empty: there is none
    std::string top;   // where the hierarchy is mounted
    bool unified = false;
  };
  [[nodiscard]] std::optional<double> memory_percent() const;
  [[nodiscard]] std::optional<double> processors() const;
  [[nodiscard]] std::optional<double> used_seconds() const;

  Folder memory_, cpu_, accounting_;
  double machine_bytes_;
  Baseline<double> usage_;
};

}  // namespace multiprocessing::detail
