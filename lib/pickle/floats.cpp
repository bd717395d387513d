#include "pickle/floats.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace multiprocessing::detail {
namespace {

std::string scientific(std::string digits, int exponent) {
  if (digits.size() > 1) digits.insert(1, 1, '.');
  const int magnitude = std::abs(exponent);
  return digits + (exponent < 0 ? "e-" : "e+") + (magnitude < 10 ? "0" : "") +
         std::to_string(magnitude);
}

std::string positional(std::string digits, int exponent, bool with_point) {
  if (exponent < 0)
    return "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() > whole) return digits.insert(whole, 1, '.');
  digits.append(whole - digits.size(), '0');
  return with_point ? digits + ".0" : digits;
}

}  // namespace

std::string digits_of_float(double value, bool with_point) {
  if (std::isnan(value)) return "nan";
  const std::string sign = std::signbit(value) ? "-" : "";
  if (std::isinf(value)) return sign + "inf";
  char room[40];
  const auto end =
      std::to_chars(room, room + sizeof room, std::abs(value), std::chars_format::scientific).ptr;
  const std::string_view shortest{room, static_cast<std::size_t>(end - room)};
  const std::size_t mark = shortest.find('e');
  std::string digits{shortest.substr(0, 1)};
  if (mark > 1) digits += shortest.substr(2, mark - 2);
  const int exponent = std::atoi(std::string{shortest.substr(mark + 1)}.c_str());
  if (exponent < -4 || exponent >= 16) return sign + scientific(std::move(digits), exponent);
  return sign + positional(std::move(digits), exponent, with_point);
}

}  // namespace multiprocessing::detail
