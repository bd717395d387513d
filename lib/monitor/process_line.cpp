#include "monitor/process_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include "monitor/printable.hpp"

namespace multiprocessing::detail {
namespace {

// Numbers behind the state, counted from 0: fields 4 to 24 of proc(5).
enum Field : std::size_t {
  parent,
  user_ticks = 10,
  system_ticks,
  threads = 16,
  started = 18,
  pages = 20,
  count
};

template <class Number>
bool take_number(std::string_view& text, Number& number) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::uint64_t not_negative(std::int64_t number) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
}

}  // namespace

std::optional<ProcessLine> parse_process_line(std::string_view line) {
  ProcessLine process;
  std::string_view rest = line;
  if (!take_number(rest, process.pid) || !rest.starts_with(" (")) return std::nullopt;
  const std::size_t end = rest.rfind(')');
  if (end == std::string_view::npos || end < 2 || rest.size() < end + 3) return std::nullopt;
  process.name = printable(rest.substr(2, end - 2));
  process.state = rest[end + 2];
  rest.remove_prefix(end + 3);
  std::array<std::int64_t, Field::count> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    // Fields that are not asked for may be larger than a signed number; none of these is.
    std::uint64_t large = 0;
    if (!take_number(rest, numbers[i]) && !take_number(rest, large)) return std::nullopt;
  }
  process.parent = static_cast<pid_t>(numbers[Field::parent]);
  process.ticks =
      not_negative(numbers[Field::user_ticks]) + not_negative(numbers[Field::system_ticks]);
  process.threads = static_cast<int>(numbers[Field::threads]);
  process.started = not_negative(numbers[Field::started]);
  process.pages = not_negative(numbers[Field::pages]);
  return process;
}

ProcessState state_of(char letter) {
  switch (letter) {
    case 'R':
      return ProcessState::running;
    case 'T':
    case 't':
      return ProcessState::stopped;
    case 'Z':
      return ProcessState::zombie;
    case 'X':
    case 'x':
      return ProcessState::ended;
    default:
      return ProcessState::sleeping;
  }
}

}  // namespace multiprocessing::detail
