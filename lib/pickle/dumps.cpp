#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/pickle.hpp"
#include "pickle/integers.hpp"
#include "pickle/names.hpp"
#include "pickle/node.hpp"
#include "pickle/opcodes.hpp"

namespace multiprocessing {
namespace {

using detail::KnownName;
using detail::NameForm;
using detail::Opcode;
using Access = detail::ObjectAccess;
using Kind = detail::ObjectKind;

/// Protocol 4 without frames and memo.
class Output {
 public:
  void write(const Object& value);
  void code(Opcode opcode) { bytes_ += static_cast<char>(opcode); }
  void number(std::uint64_t value, unsigned size) {  // the lowest byte first
    for (unsigned i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  struct Sized {
    Opcode in_one, in_four, in_eight;
  };
  void sized(const Sized& opcodes, std::string_view bytes);
  void text(std::string_view text) {
    sized({Opcode::short_binunicode, Opcode::binunicode, Opcode::binunicode8}, text);
  }
  void blob(std::string_view bytes) {
    sized({Opcode::short_binbytes, Opcode::binbytes, Opcode::binbytes8}, bytes);
  }
  void integer(std::int64_t value);
  void large(std::string_view bytes);
  void real(double value);
  void items(const std::vector<Object>& items);
  void keys(const Object& set);
  void tuple(const std::vector<Object>& items);
  void dict(const Object& value);
  void name(const KnownName& name);
  void instance(const detail::InstanceNode& node);
  void shareable_list(const detail::InstanceNode& node);

  std::string bytes_;
};

void Output::sized(const Sized& opcodes, std::string_view bytes) {
  if (bytes.size() <= std::numeric_limits<std::uint8_t>::max()) {
    code(opcodes.in_one);
    number(bytes.size(), 1);
  } else if (bytes.size() <= std::numeric_limits<std::uint32_t>::max()) {
    code(opcodes.in_four);
    number(bytes.size(), 4);
  } else {
    code(opcodes.in_eight);
    number(bytes.size(), 8);
  }
  bytes_ += bytes;
}

void Output::integer(std::int64_t value) {
  if (value >= 0 && value <= 0xff) {
    code(Opcode::binint1);
    number(static_cast<std::uint64_t>(value), 1);
  } else if (value >= 0 && value <= 0xffff) {
    code(Opcode::binint2);
    number(static_cast<std::uint64_t>(value), 2);
  } else if (value == static_cast<std::int32_t>(value)) {
    code(Opcode::binint);
    number(static_cast<std::uint64_t>(value), 4);
  } else {
    large(detail::integer_bytes(value));
  }
}

void Output::large(std::string_view bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw SerializationError("an int of " + std::to_string(bytes.size()) +
                             " bytes is too long for a pickle");
  const bool is_short = bytes.size() <= std::numeric_limits<std::uint8_t>::max();
  code(is_short ? Opcode::long1 : Opcode::long4);
  number(bytes.size(), is_short ? 1 : 4);
  bytes_ += bytes;
}

void Output::real(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  code(Opcode::binfloat);
  for (int shift = 56; shift >= 0; shift -= 8) bytes_ += static_cast<char>(bits >> shift);
}

void Output::items(const std::vector<Object>& items) {
  code(Opcode::mark);
  for (const Object& item : items) write(item);
}

void Output::keys(const Object& set) {
  code(Opcode::mark);
  Access::table(set).each([this](const detail::Table::Entry& entry) { write(entry.key); });
}

void Output::tuple(const std::vector<Object>& items) {
  constexpr Opcode by_size[] = {Opcode::empty_tuple, Opcode::tuple1, Opcode::tuple2,
                                Opcode::tuple3};
  if (items.size() > 3) {
    this->items(items);
    code(Opcode::tuple);
    return;
  }
  for (const Object& item : items) write(item);
  code(by_size[items.size()]);
}

void Output::dict(const Object& value) {
  code(Opcode::empty_dict);
  if (Access::table(value).size() == 0) return;
  code(Opcode::mark);
  Access::table(value).each([this](const detail::Table::Entry& entry) {
    write(entry.key);
    write(entry.value);
  });
  code(Opcode::setitems);
}

void Output::name(const KnownName& name) {
  text(name.module);
  text(name.name);
  code(Opcode::stack_global);
}

void Output::shareable_list(const detail::InstanceNode& node) {
  name(*detail::find_name("multiprocessing.reduction", "_rebuild_partial"));
  name(*node.name);
  code(Opcode::empty_tuple);
  write(Object::dict({{"name", node.args[0]}}));
  code(Opcode::tuple3);
  code(Opcode::reduce);
  code(Opcode::empty_tuple);
  code(Opcode::reduce);
}

void Output::instance(const detail::InstanceNode& node) {
  if (node.name->form == NameForm::shareable_list) return shareable_list(node);
  name(*node.name);
  if (node.name->form == NameForm::ellipsis) return;
  tuple(Access::items(node.args));
  code(node.name->form == NameForm::stateful ? Opcode::newobj : Opcode::reduce);
  // Attributes of exceptions differ between versions of Python.
  if (node.state.is_none() || node.name->form == NameForm::exception) return;
  write(node.state);
  code(Opcode::build);
}

void Output::write(const Object& value) {
  switch (Access::kind(value)) {
    case Kind::none:
      return code(Opcode::none);
    case Kind::truth:
      return code(Access::truth(value) ? Opcode::newtrue : Opcode::newfalse);
    case Kind::integer:
      return integer(Access::integer(value));
    case Kind::large:
      return large(Access::text(value));
    case Kind::real:
      return real(Access::real(value));
    case Kind::text:
      return text(Access::text(value));
    case Kind::bytes:
      return blob(Access::text(value));
    case Kind::bytearray:
      name(*detail::find_name("builtins", "bytearray"));
      blob(Access::text(value));
      code(Opcode::tuple1);
      return code(Opcode::reduce);
    case Kind::tuple:
      return tuple(Access::items(value));
    case Kind::list:
      code(Opcode::empty_list);
      if (Access::items(value).empty()) return;
      items(Access::items(value));
      return code(Opcode::appends);
    case Kind::set:
      code(Opcode::empty_set);
      if (Access::table(value).size() == 0) return;
      keys(value);
      return code(Opcode::additems);
    case Kind::frozenset:
      keys(value);
      return code(Opcode::frozenset);
    case Kind::dict:
      return dict(value);
    case Kind::instance:
      return instance(Access::node<detail::InstanceNode>(value));
    case Kind::name:
      return name(*Access::node<detail::NameNode>(value).name);
  }
}

}  // namespace

Bytes dumps(const Object& value) {
  Output output;
  output.code(Opcode::proto);
  output.number(4, 1);
  output.write(value);
  output.code(Opcode::stop);
  return Bytes{output.take()};
}

}  // namespace multiprocessing
