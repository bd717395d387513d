#include "managers/arithmetic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "managers/errors.hpp"
#include "managers/python_values.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/mapping.hpp"
#include "multiprocessing/pickle/pickle.hpp"
#include "pickle/integers.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

enum class Operator { add, subtract, multiply, divide, floor, modulo, quotient };

struct Named {
  std::string_view name;
  Operator operation;
};
constexpr Named operators[] = {
    {"+=", Operator::add},
    {"-=", Operator::subtract},
    {"*=", Operator::multiply},
    {"/=", Operator::divide},
    {"//=", Operator::floor},
    {"%=", Operator::modulo},
    {"quotient=", Operator::quotient},
};

Operator operator_named(std::string_view name) {
  for (const Named& each : operators)
    if (each.name == name) return each.operation;
  throw ValueError("no operator: '" + std::string{name} + "'");
}

[[noreturn]] void throw_unsupported(const Object& a, std::string_view by, const Object& b) {
  throw TypeError("unsupported operand type(s) for " + std::string{by} + ": '" + type_name(a) +
                  "' and '" + type_name(b) + "'");
}

// ---- numbers

bool is_number(const Object& value) { return is_int(value) || Access::kind(value) == Kind::real; }

double as_double(const Object& value) {
  if (const auto real = ObjectParts::real(value)) return *real;
  throw OverflowError("int too large to convert to float");
}

[[noreturn]] void throw_division(Operator by, bool real) {
  if (by == Operator::floor)
    throw ZeroDivisionError(real ? "float floor division by zero"
                                 : "integer division or modulo by zero");
  if (by == Operator::modulo)
    throw ZeroDivisionError(real ? "float modulo" : "integer modulo by zero");
  throw ZeroDivisionError(real ? "float division by zero" : "division by zero");
}

/// The rest has the sign of b.
double modulo(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (b < 0) != (rest < 0) ? rest + b : rest;
}

double floor_divided(double a, double b) {
  const double quotient = (a - modulo(a, b)) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

double of_reals(Operator by, double a, double b) {
  const bool divides = by != Operator::add && by != Operator::subtract && by != Operator::multiply;
  if (divides && b == 0) throw_division(by, true);
  switch (by) {
    case Operator::add:
      return a + b;
    case Operator::subtract:
      return a - b;
    case Operator::multiply:
      return a * b;
    case Operator::floor:
      return floor_divided(a, b);
    case Operator::modulo:
      return modulo(a, b);
    default:
      return a / b;
  }
}

/// Where 64 bits hold the result.
std::optional<std::int64_t> of_small(Operator by, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (by) {
    case Operator::add:
      return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional{result};
    case Operator::subtract:
      return __builtin_sub_overflow(a, b, &result) ? std::nullopt : std::optional{result};
    case Operator::multiply:
      return __builtin_mul_overflow(a, b, &result) ? std::nullopt : std::optional{result};
    default:
      break;
  }
  if (b == -1) return std::nullopt;  // the only quotient that may not fit
  const std::int64_t rest = a % b;
  const bool down = by != Operator::quotient && rest != 0 && (rest < 0) != (b < 0);
  if (by == Operator::modulo) return down ? rest + b : rest;
  return down ? a / b - 1 : a / b;
}

std::string integer_text(const Object& value) {
  if (Access::kind(value) == Kind::large) return Access::text(value);
  return integer_bytes(*ObjectParts::integer(value));
}

IntegerOperation integer_operation(Operator by) {
  switch (by) {
    case Operator::add:
      return IntegerOperation::add;
    case Operator::subtract:
      return IntegerOperation::subtract;
    case Operator::multiply:
      return IntegerOperation::multiply;
    case Operator::floor:
      return IntegerOperation::floor;
    case Operator::modulo:
      return IntegerOperation::modulo;
    default:
      return IntegerOperation::quotient;
  }
}

Object of_integers(Operator by, const Object& a, const Object& b) {
  const auto small = ObjectParts::integer(a);
  const auto other = ObjectParts::integer(b);
  const bool divides = by != Operator::add && by != Operator::subtract && by != Operator::multiply;
  if (divides && other == 0) throw_division(by, false);
  if (by == Operator::divide) return as_double(a) / as_double(b);
  if (small && other)
    if (const auto result = of_small(by, *small, *other)) return *result;
  Object result =
      Access::make_integer(calculate(integer_operation(by), integer_text(a), integer_text(b)));
  if (Access::kind(result) == Kind::large &&
      Access::text(result).size() > PickleOptions{}.max_int_bytes)
    throw OverflowError("the int has more than " + std::to_string(PickleOptions{}.max_int_bytes) +
                        " bytes, which is the most that can be sent");
  return result;
}

// ---- sequences

bool is_sequence(Kind kind) {
  return kind == Kind::text || kind == Kind::bytes || kind == Kind::bytearray ||
         kind == Kind::tuple || kind == Kind::list;
}

bool is_text_like(Kind kind) {
  return kind == Kind::text || kind == Kind::bytes || kind == Kind::bytearray;
}

void append_all(Object& list, const Object& more) {
  std::vector<Object> items = elements_of(more);
  if (items.size() > most_elements - std::min(list.size(), most_elements))
    raise_too_large("the list");
  for (Object& item : items) list.append(std::move(item));
}

void concatenate(Object& value, const Object& operand) {
  const Kind kind = Access::kind(value);
  const Kind other = Access::kind(operand);
  const bool bytes = kind == Kind::bytes || kind == Kind::bytearray;
  const bool fits = bytes ? other == Kind::bytes || other == Kind::bytearray : other == kind;
  if (kind == Kind::list) return append_all(value, operand);
  if (!fits && bytes)
    throw TypeError("can't concat " + type_name(operand) + " to " + type_name(value));
  if (!fits)
    throw TypeError("can only concatenate " + type_name(value) + " (not \"" + type_name(operand) +
                    "\") to " + type_name(value));
  if (kind == Kind::tuple) {
    std::vector<Object> items = Access::items(value);
    const std::vector<Object>& more = Access::items(operand);
    if (items.size() + more.size() > most_elements) raise_too_large("the tuple");
    items.insert(items.end(), more.begin(), more.end());
    value = Object::tuple(std::move(items));
    return;
  }
  if (Access::text(value).size() + Access::text(operand).size() > most_text)
    raise_too_large("the text");
  value = Access::make_text(kind, Access::text(value) + Access::text(operand));
}

Object repeated(const Object& sequence, const Object& factor) {
  if (!is_int(factor))
    throw TypeError("can't multiply sequence by non-int of type '" + type_name(factor) + "'");
  const Kind kind = Access::kind(sequence);
  const auto times = static_cast<std::size_t>(std::max<std::int64_t>(integer_of(factor), 0));
  const bool text = is_text_like(kind);
  const std::size_t size = text ? Access::text(sequence).size() : Access::items(sequence).size();
  const std::size_t most = text ? most_text : most_elements;
  if (size != 0 && times > most / size) raise_too_large("the " + type_name(sequence));
  if (text) {
    std::string product;
    product.reserve(size * times);
    for (std::size_t i = 0; size != 0 && i < times; ++i) product += Access::text(sequence);
    return Access::make_text(kind, std::move(product));
  }
  std::vector<Object> product;
  product.reserve(size * times);
  const std::vector<Object>& items = Access::items(sequence);
  for (std::size_t i = 0; size != 0 && i < times; ++i)
    product.insert(product.end(), items.begin(), items.end());
  return kind == Kind::list ? Object::list(std::move(product)) : Object::tuple(std::move(product));
}

}  // namespace

void assign(Object& value, std::string_view by, const Object& operand) {
  if (by == "=") {
    value = operand;
    return;
  }
  const Operator operation = operator_named(by);
  if (is_number(value) && is_number(operand)) {
    const bool real = Access::kind(value) == Kind::real || Access::kind(operand) == Kind::real;
    value = real ? Object{of_reals(operation, as_double(value), as_double(operand))}
                 : of_integers(operation, value, operand);
  } else if (operation == Operator::add && is_sequence(Access::kind(value))) {
    concatenate(value, operand);
  } else if (operation == Operator::multiply && is_sequence(Access::kind(value))) {
    value = repeated(value, operand);
  } else if (operation == Operator::multiply && is_int(value) &&
             is_sequence(Access::kind(operand))) {
    value = repeated(operand, value);
  } else {
    throw_unsupported(value, by, operand);
  }
}

}  // namespace multiprocessing::detail
