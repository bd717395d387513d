#include "monitor/net_dev.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "monitor/read_file.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t columns = 16;  // eight for what was received, eight for what was sent

std::optional<std::array<std::uint64_t, columns>> numbers_of(std::string_view text) {
  std::array<std::uint64_t, columns> numbers{};
  for (auto& number : numbers) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return numbers;
}

void add(InterfaceInfo& sum, const InterfaceInfo& one) {
  sum.bytes_sent += one.bytes_sent;
  sum.bytes_recv += one.bytes_recv;
  sum.packets_sent += one.packets_sent;
  sum.packets_recv += one.packets_recv;
  sum.errors += one.errors;
  sum.drops += one.drops;
}

double risen(std::uint64_t before, std::uint64_t now) {
  return now >= before ? static_cast<double>(now - before) : 0;
}

}  // namespace

NetworkInfo parse_net_dev(std::string_view text) {
  NetworkInfo info;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    // The kernel allows no blank and no colon in a name, but for one that older ones made aliases
    // by: the last colon ends the name.
    const std::size_t colon = line.rfind(':');
    if (colon == std::string_view::npos) continue;
    const auto counters = numbers_of(line.substr(colon + 1));
    std::string_view name = line.substr(0, colon);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    if (!counters || name.empty()) continue;
    const auto& n = *counters;
    const InterfaceInfo one{.bytes_sent = n[8],
                            .bytes_recv = n[0],
                            .packets_sent = n[9],
                            .packets_recv = n[1],
                            .errors = n[2] + n[10],
                            .drops = n[3] + n[11]};
    if (info.interfaces.emplace(name, one).second) add(info.sum, one);
  }
  return info;
}

NetworkInfo read_network() { return parse_net_dev(read_file("/proc/self/net/dev")); }

void NetworkTotals::add(const NetworkInfo& reading) {
  for (const auto& [name, now] : reading.interfaces) {
    const auto before = last_.find(name);
    if (before == last_.end()) continue;
    sent_ += risen(before->second.bytes_sent, now.bytes_sent);
    received_ += risen(before->second.bytes_recv, now.bytes_recv);
  }
  last_ = reading.interfaces;
}

}  // namespace multiprocessing::detail
