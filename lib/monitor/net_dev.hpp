// Counters of network interfaces, as /proc/net/dev shows them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/monitor/stats.hpp"

namespace multiprocessing::detail {

/// From the file's text. Lines that are not of its form, such as its heads, are left out.
[[nodiscard]] MULTIPROCESSING_API NetworkInfo parse_net_dev(std::string_view text);

/// Throws OSError.
[[nodiscard]] NetworkInfo read_network();

/// Bytes that all interfaces have moved since the first reading; never falls. An interface that was
/// not in the reading before, or has counted anew, adds what it moves from now on.
class MULTIPROCESSING_API NetworkTotals {
 public:
  void add(const NetworkInfo& reading);
  [[nodiscard]] double sent() const { return sent_; }
  [[nodiscard]] double received() const { return received_; }

 private:
  std::map<std::string, InterfaceInfo> last_;
  double sent_ = 0, received_ = 0;
};

}  // namespace multiprocessing::detail
