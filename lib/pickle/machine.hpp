// The stack machine that reads a pickle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/pickle/object.hpp"
#include "multiprocessing/pickle/pickle.hpp"
#include "pickle/input.hpp"
#include "pickle/memo.hpp"
#include "pickle/node.hpp"
#include "pickle/opcodes.hpp"

namespace multiprocessing::detail {

class Machine {
 public:
  Machine(std::string_view pickled, const PickleOptions& options);

  /// The value. Throws SerializationError and, of keys, TypeError, without the place.
  [[nodiscard]] Object run();

  /// Where the opcode is that was looked at last.
  [[nodiscard]] std::size_t place() const noexcept { return place_; }

 private:
  // Each does what an opcode of its group says; false for one of another group.
  bool do_text(Opcode opcode);
  bool do_number(Opcode opcode);
  bool do_container(Opcode opcode);
  bool do_elements(Opcode opcode);
  bool do_memo(Opcode opcode);
  bool do_line(Opcode opcode);
  bool do_call(Opcode opcode);
  bool do_stack(Opcode opcode);

  void push(Object value);
  void push_text(ObjectKind kind, std::uint64_t size);
  void push_again(const Object& value);
  void push_name(std::string_view module, std::string_view name);
  void push_long(std::int64_t size);
  void push_reduced(std::size_t tuple_size);

  [[nodiscard]] std::size_t floor() const noexcept { return marks_.empty() ? 0 : marks_.back(); }
  [[nodiscard]] Object pop();
  [[nodiscard]] Object& top();
  [[nodiscard]] std::vector<Object> pop_to_mark();
  [[nodiscard]] std::vector<Object> pop_some(std::size_t count);

  void append(std::vector<Object> items);
  void set_items(const Object& dict, std::vector<Object> items);
  void add_items(const Object& set, std::vector<Object> items);
  void insert(TableNode& node, Object key, Object value);
  void reduce();
  void make_new(bool with_keywords);
  void check_frame();
  void charge(const Extent& extent);
  void remember(std::uint64_t index);
  void check_count(std::uint64_t count) const;
  void check_depth(std::uint32_t depth) const;
  [[noreturn]] static void throw_limit(const char* what, std::uint64_t limit, const char* option);
  [[nodiscard]] Object finish();

  Input input_;
  const PickleOptions options_;
  const std::uint32_t deepest_;
  // Emptied after the stack, which may hold the last references.
  Memo memo_;
  std::vector<Object> stack_;
  std::vector<std::size_t> marks_;
  Extent read_{0, 0};
  std::uint64_t remembered_ = 0;
  std::size_t place_ = 0;
  bool shares_ = false;  // whether a container has got a second reference
};

}  // namespace multiprocessing::detail
