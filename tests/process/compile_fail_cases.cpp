// What the compiler says to those who give a Process what cannot be run in another process.
// Compiled once per case with -DCASE_<name>; the first line of a case is a part of the text that
// must come out.
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "multiprocessing/process.hpp"

namespace mp = multiprocessing;

[[maybe_unused]] static void take(int, const std::string&) {}
[[maybe_unused]] static void take_reference(std::string&) {}
[[maybe_unused]] static void take_pointer(int*) {}
class Forgotten {
 public:
  explicit Forgotten(std::string text) : text_(std::move(text)) {}

 private:
  std::string text_;
};
[[maybe_unused]] static void take_forgotten(const Forgotten&) {}
[[maybe_unused]] static void take_all(const std::vector<Forgotten>&) {}
struct Greeter {
  void greet(const std::string&) const {}
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};
// Names of the system's, which other headers bring.
[[maybe_unused]] static void read(int, const std::string&) {}
[[maybe_unused]] static void write(int) noexcept {}
[[maybe_unused]] static void pause(int) {}

[[maybe_unused]] static void check() {
  std::string text;
  int number = 0;
  std::vector<mp::Process> many;
  const auto context = mp::get_context("fork");
#if defined(CASE_nothing_wrong)
  // compiles
  const mp::ProcessOptions options;
  many.emplace_back(take, 1, "text");
  many.emplace_back(options, take, 1, text);
#elif defined(CASE_names_of_the_system)
  // compiles
  mp::Process reader{read, 1, "text"};
  mp::Process writer({.name = "writer"}, write, number);
  many.push_back(context.Process(pause, 1));
  many.push_back(context.Process({.daemon = true}, read, 1, text));
#elif defined(CASE_other_targets)
  // compiles
  mp::Process method{&Greeter::greet, Greeter{}, "text"};
  mp::Process lambda{[](int) {}, number};
  mp::Process capturing{[&number] { ++number; }};  // under fork
#elif defined(CASE_type_of_an_argument)
  // the target cannot be called with these arguments
  mp::Process process{take, "text", 1};
#elif defined(CASE_number_of_arguments)
  // the target cannot be called with these arguments
  mp::Process process{take, 1};
#elif defined(CASE_argument_behind_options)
  // the target cannot be called with these arguments
  mp::Process process({.name = "one"}, take, 1);
#elif defined(CASE_argument_in_a_context)
  // the target cannot be called with these arguments
  many.push_back(context.Process(take, 1));
#elif defined(CASE_argument_in_emplace_back)
  // the target cannot be called with these arguments
  many.emplace_back(take, 1);
#elif defined(CASE_argument_behind_options_in_emplace_back)
  // the target cannot be called with these arguments
  many.emplace_back(mp::ProcessOptions{.name = "one"}, take, 1);
#elif defined(CASE_no_function)
  // the target cannot be called with these arguments
  mp::Process process{7};
#elif defined(CASE_method_without_its_object)
  // the target cannot be called with these arguments
  mp::Process process{&Greeter::greet, "text"};
#elif defined(CASE_reference_parameter)
  // the target has a parameter that is a non-const reference
  mp::Process process{take_reference, text};
#elif defined(CASE_reference_parameter_in_a_context)
  // the target has a parameter that is a non-const reference
  many.push_back(context.Process({.name = "one"}, take_reference, text));
#elif defined(CASE_reference_parameter_of_a_lambda)
  // the target has a parameter that is a non-const reference
  mp::Process process{[](std::string& its) { its.clear(); }, text};
#elif defined(CASE_reference_wrapper)
  // std::ref refers to an object of this process
  mp::Process process{take_reference, std::ref(text)};
#endif
}

[[maybe_unused]] static void check_what_is_sent() {
  std::string text;
  int number = 0;
  std::vector<mp::Process> many;
  const auto context = mp::get_context("fork");
#if defined(CASE_pointer)
  // a pointer means nothing in another process
  mp::Process process{take_pointer, &number};
#elif defined(CASE_pointer_in_a_context)
  // a pointer means nothing in another process
  many.push_back(context.Process(take_pointer, &number));
#elif defined(CASE_pointer_in_emplace_back)
  // a pointer means nothing in another process
  many.emplace_back(take_pointer, &number);
#elif defined(CASE_this)
  // a pointer means nothing in another process
  const Greeter greeter;
  mp::Process process{&Greeter::greet, &greeter, "text"};
#elif defined(CASE_forgotten_serialize)
  // this type cannot be sent. Give it a member
  mp::Process process{take_forgotten, Forgotten{text}};
#elif defined(CASE_forgotten_serialize_in_a_list)
  // this type cannot be sent. Give it a member
  mp::Process process{take_all, std::vector<Forgotten>{}};
#elif defined(CASE_forgotten_serialize_in_emplace_back)
  // this type cannot be sent. Give it a member
  many.emplace_back(take_forgotten, Forgotten{text});
#elif defined(CASE_id_of_a_thread)
  // this type cannot be sent. Give it a member
  mp::Process process{[](std::thread::id) {}, std::this_thread::get_id()};
#endif
}
