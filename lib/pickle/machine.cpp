#include "pickle/machine.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <iterator>
#include <utility>

#include "pickle/literals.hpp"
#include "pickle/measure.hpp"
#include "pickle/text.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

[[noreturn]] void throw_short() { throw SerializationError("a value is missing on the stack"); }

std::uint64_t memo_index(std::string_view line) {
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), index);
  if (error != std::errc{} || end != line.data() + line.size())
    throw SerializationError("the number of a value is malformed");
  return index;
}

}  // namespace

Machine::Machine(std::string_view pickled, const PickleOptions& options)
    : input_(pickled),
      options_(options),
      deepest_(
          static_cast<std::uint32_t>(std::clamp(options.max_depth, 0, static_cast<int>(deepest)))) {
}

Object Machine::run() {
  if (input_.left() > options_.max_bytes)
    throw_limit("it is longer", options_.max_bytes, "max_bytes");
  for (;;) {
    place_ = input_.position();
    const auto code = static_cast<unsigned>(input_.number(1));
    const auto opcode = static_cast<Opcode>(code);
    if (opcode == Opcode::stop) return finish();
    const bool known = do_text(opcode) || do_number(opcode) || do_memo(opcode) ||
                       do_container(opcode) || do_elements(opcode) || do_call(opcode) ||
                       do_stack(opcode) || do_line(opcode);
    if (!known) throw SerializationError("opcode " + std::to_string(code) + " is not read");
  }
}

Object Machine::finish() {
  Object result = pop();
  if (!shares_) {
    memo_.keep_all();
    return result;
  }
  auto nodes = measure(result);
  check_depth(Access::depth(result));
  read_ = {0, 0};
  charge(Access::extent(result));
  memo_.keep(std::move(nodes));
  return result;
}

// ---- the stack

void Machine::throw_limit(const char* what, std::uint64_t limit, const char* option) {
  throw SerializationError(std::string{what} + " than " + std::to_string(limit) +
                           " (PickleOptions::" + option + ')');
}

void Machine::check_depth(std::uint32_t depth) const {
  if (depth > deepest_) throw_limit("values lie deeper", deepest_, "max_depth");
}

/// What only costs memory here, such as marks, is no more than the values that may be.
void Machine::check_count(std::uint64_t count) const {
  if (count > options_.max_values)
    throw_limit("there are more values", options_.max_values, "max_values");
}

void Machine::charge(const Extent& extent) {
  read_.values += extent.values;
  read_.bytes += extent.bytes;
  check_count(read_.values);
  if (read_.bytes > options_.max_bytes)
    throw_limit("there is more text", options_.max_bytes, "max_bytes");
}

void Machine::push(Object value) {
  charge({1, 0});
  check_depth(Access::depth(value));
  stack_.push_back(std::move(value));
}

/// A further reference to a value that is there already.
void Machine::push_again(const Object& value) {
  charge(Access::extent(value));
  shares_ = shares_ || Access::is_container(value);
  stack_.push_back(value);
}

Object Machine::pop() {
  if (stack_.size() <= floor()) throw_short();
  Object value = std::move(stack_.back());
  stack_.pop_back();
  return value;
}

Object& Machine::top() {
  if (stack_.size() <= floor()) throw_short();
  return stack_.back();
}

std::vector<Object> Machine::pop_some(std::size_t count) {
  if (stack_.size() - floor() < count) throw_short();
  const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<Object> items{std::move_iterator{first}, std::move_iterator{stack_.end()}};
  stack_.erase(first, stack_.end());
  return items;
}

std::vector<Object> Machine::pop_to_mark() {
  if (marks_.empty()) throw SerializationError("a mark is missing on the stack");
  std::vector<Object> items = pop_some(stack_.size() - marks_.back());
  marks_.pop_back();
  return items;
}

bool Machine::do_stack(Opcode opcode) {
  switch (opcode) {
    case Opcode::proto:
      if (const auto version = input_.number(1); version > 5)
        throw SerializationError("protocol " + std::to_string(version) + " is not read");
      return true;
    case Opcode::frame:
      check_frame();
      return true;
    case Opcode::mark:
      check_count(marks_.size() + 1);
      marks_.push_back(stack_.size());
      return true;
    case Opcode::pop_mark:
      (void)pop_to_mark();
      return true;
    case Opcode::pop:
      if (!marks_.empty() && stack_.size() == marks_.back()) {
        marks_.pop_back();
      } else {
        (void)pop();
      }
      return true;
    case Opcode::dup:
      memo_.watch(top());
      push_again(Object{top()});
      return true;
    default:
      return false;
  }
}

/// Frames only say how much belongs together.
void Machine::check_frame() {
  if (input_.number(8) > input_.left()) throw SerializationError("a frame is cut off");
}

// ---- text and numbers

void Machine::push_text(Kind kind, std::uint64_t size) {
  std::string text{input_.take(size)};
  if (kind == Kind::text && !is_utf8(text)) throw SerializationError("a str is no UTF-8");
  charge({0, text.size()});
  push(Access::make_text(kind, std::move(text)));
}

bool Machine::do_text(Opcode opcode) {
  switch (opcode) {
    case Opcode::short_binunicode:
      push_text(Kind::text, input_.number(1));
      return true;
    case Opcode::binunicode:
      push_text(Kind::text, input_.number(4));
      return true;
    case Opcode::binunicode8:
      push_text(Kind::text, input_.number(8));
      return true;
    case Opcode::short_binbytes:
      push_text(Kind::bytes, input_.number(1));
      return true;
    case Opcode::binbytes:
      push_text(Kind::bytes, input_.number(4));
      return true;
    case Opcode::binbytes8:
      push_text(Kind::bytes, input_.number(8));
      return true;
    case Opcode::bytearray8:
      push_text(Kind::bytearray, input_.number(8));
      return true;
    case Opcode::short_binstring:
      push(Access::make_text(Kind::text, read_ascii(input_.take(input_.number(1)))));
      return true;
    case Opcode::binstring: {
      const std::int32_t size = input_.signed_number();
      if (size < 0) throw SerializationError("the length of a text is negative");
      push(Access::make_text(Kind::text, read_ascii(input_.take(static_cast<unsigned>(size)))));
      return true;
    }
    default:
      return false;
  }
}

void Machine::push_long(std::int64_t size) {
  if (size < 0) throw SerializationError("the length of an int is negative");
  push(read_integer(input_.take(static_cast<std::uint64_t>(size)), options_.max_int_bytes));
}

bool Machine::do_number(Opcode opcode) {
  switch (opcode) {
    case Opcode::none:
      push(None);
      return true;
    case Opcode::newtrue:
      push(true);
      return true;
    case Opcode::newfalse:
      push(false);
      return true;
    case Opcode::binint:
      push(input_.signed_number());
      return true;
    case Opcode::binint1:
      push(input_.number(1));
      return true;
    case Opcode::binint2:
      push(input_.number(2));
      return true;
    case Opcode::long1:
      push_long(static_cast<std::int64_t>(input_.number(1)));
      return true;
    case Opcode::long4:
      push_long(input_.signed_number());
      return true;
    case Opcode::binfloat: {
      std::uint64_t bits = 0;  // the highest byte first
      for (const char byte : input_.take(8)) bits = (bits << 8U) | static_cast<unsigned char>(byte);
      push(std::bit_cast<double>(bits));
      return true;
    }
    default:
      return false;
  }
}

bool Machine::do_line(Opcode opcode) {
  const auto push_line = [this](std::string text) {
    charge({0, text.size()});
    push(Access::make_text(Kind::text, std::move(text)));
  };
  switch (opcode) {
    case Opcode::int_:
      push(read_int_line(input_.line(), options_.max_int_bytes));
      return true;
    case Opcode::long_:
      push(read_long_line(input_.line(), options_.max_int_bytes));
      return true;
    case Opcode::float_:
      push(read_float_line(input_.line()));
      return true;
    case Opcode::unicode:
      push_line(read_unicode_line(input_.line()));
      return true;
    case Opcode::string:
      push_line(read_string_line(input_.line()));
      return true;
    case Opcode::get:
      push_again(memo_.get(memo_index(input_.line())));
      return true;
    case Opcode::put:
      remember(memo_index(input_.line()));
      return true;
    default:
      return false;
  }
}

void Machine::remember(std::uint64_t index) {
  check_count(++remembered_);
  memo_.put(index, top());
}

bool Machine::do_memo(Opcode opcode) {
  switch (opcode) {
    case Opcode::memoize:
      remember(memo_.size());
      return true;
    case Opcode::binput:
      remember(input_.number(1));
      return true;
    case Opcode::long_binput:
      remember(input_.number(4));
      return true;
    case Opcode::binget:
      push_again(memo_.get(input_.number(1)));
      return true;
    case Opcode::long_binget:
      push_again(memo_.get(input_.number(4)));
      return true;
    default:
      return false;
  }
}

}  // namespace multiprocessing::detail
