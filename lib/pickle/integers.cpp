#include "pickle/integers.hpp"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstdlib>
#include <iterator>

namespace multiprocessing::detail {
namespace {

using boost::multiprecision::cpp_int;

bool is_negative(std::string_view bytes) {
  return !bytes.empty() && (static_cast<unsigned char>(bytes.back()) & 0x80U) != 0;
}

std::string bytes_of(const cpp_int& value) {
  // The complement of a negative number has the same bits turned round.
  const bool negative = value < 0;
  const cpp_int magnitude = negative ? cpp_int{-value - 1} : value;
  std::string bytes;
  export_bits(magnitude, std::back_inserter(bytes), 8, false);
  bytes += '\0';
  if (negative)
    for (char& c : bytes) c = static_cast<char>(~c);
  return std::string{minimal_integer(bytes)};
}

cpp_int value_of(std::string_view bytes) {
  std::string bits{bytes};
  const bool negative = is_negative(bytes);
  if (negative)
    for (char& c : bits) c = static_cast<char>(~c);
  cpp_int magnitude;
  const auto* const first = reinterpret_cast<const unsigned char*>(bits.data());
  if (!bits.empty()) import_bits(magnitude, first, first + bits.size(), 8, false);
  return negative ? cpp_int{-magnitude - 1} : magnitude;
}

}  // namespace

std::string_view minimal_integer(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const char sign = is_negative(bytes) ? '\xff' : '\0';
    if (bytes.back() != sign) break;
    const std::string_view shorter = bytes.substr(0, bytes.size() - 1);
    if (is_negative(shorter) != is_negative(bytes)) break;
    bytes = shorter;
  }
  return bytes;
}

std::optional<std::int64_t> small_integer(std::string_view bytes) noexcept {
  if (bytes.size() > 8) bytes = minimal_integer(bytes);
  if (bytes.size() > 8) return std::nullopt;
  std::uint64_t value = is_negative(bytes) ? ~std::uint64_t{0} : 0;
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte)
    value = (value << 8U) | static_cast<unsigned char>(*byte);
  return static_cast<std::int64_t>(value);
}

std::string integer_bytes(std::int64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
  return std::string{minimal_integer(bytes)};
}

std::string integer_bytes(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
  bytes += '\0';
  return std::string{minimal_integer(bytes)};
}

std::string integer_bytes(double value) { return bytes_of(cpp_int{value}); }

std::optional<std::string> integer_from_digits(std::string_view digits) {
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));  // no octal
  const cpp_int magnitude{std::string{digits}};
  return bytes_of(negative ? cpp_int{-magnitude} : magnitude);
}

std::string digits_of_integer(std::string_view bytes) { return value_of(bytes).str(); }

std::strong_ordering compare_integers(std::string_view a, std::string_view b) noexcept {
  const bool negative = is_negative(a);
  if (negative != is_negative(b))
    return negative ? std::strong_ordering::less : std::strong_ordering::greater;
  if (a.size() != b.size())
    return (a.size() < b.size()) != negative ? std::strong_ordering::less
                                             : std::strong_ordering::greater;
  return std::lexicographical_compare_three_way(
      a.rbegin(), a.rend(), b.rbegin(), b.rend(), [](char one, char other) {
        return static_cast<unsigned char>(one) <=> static_cast<unsigned char>(other);
      });
}

double integer_as_double(std::string_view bytes) {
  // Through text, since strtod rounds to the nearest; one of 129 bytes is beyond all doubles.
  if (bytes.size() > 129) return is_negative(bytes) ? -HUGE_VAL : HUGE_VAL;
  return std::strtod(digits_of_integer(bytes).c_str(), nullptr);
}

std::string calculate(IntegerOperation operation, std::string_view a, std::string_view b) {
  const cpp_int one = value_of(a);
  const cpp_int other = value_of(b);
  switch (operation) {
    case IntegerOperation::add:
      return bytes_of(one + other);
    case IntegerOperation::subtract:
      return bytes_of(one - other);
    case IntegerOperation::multiply:
      return bytes_of(one * other);
    default:
      break;
  }
  cpp_int quotient = one / other;
  cpp_int rest = one % other;
  if (operation != IntegerOperation::quotient && rest != 0 && (rest < 0) != (other < 0)) {
    --quotient;
    rest += other;
  }
  return bytes_of(operation == IntegerOperation::modulo ? rest : quotient);
}

}  // namespace multiprocessing::detail
