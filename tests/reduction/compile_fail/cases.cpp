// What the compiler says to those who send what cannot be sent. Compiled once per case with
// -DCASE_<name>; the first line of a case is a part of the text that must come out.
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/reduction.hpp"

namespace mp = multiprocessing;

[[maybe_unused]] static void take(int) {}
[[maybe_unused]] static void take_pointer(int*) {}
[[maybe_unused]] static void take_reference(std::string&) {}

struct WithPointer {
  int size;
  double* data;
};
struct WithView {
  std::string_view text;
};
class Closed {
 public:
  explicit Closed(int n) : n_(n) {}
  [[nodiscard]] int n() const { return n_; }

 private:
  int n_;
};
struct NoDefault {
  explicit NoDefault(int) {}
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};
struct Base {
  virtual ~Base() = default;
};
struct NotConstructible : std::exception {
  explicit NotConstructible(int) {}
};
struct NotRead : std::runtime_error {
  NotRead(const std::string& text, int code) : std::runtime_error(text), code_(code) {}
  explicit NotRead(const std::string& text) : NotRead(text, 0) {}
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& code_;
  }
  int code_;
};
struct WithUnion {
  int kind;
  union {
    int code;
    float level;
  };
};
struct Marked {
  unsigned mark : 3;
  bool last;
  char text[8];
};
struct __attribute__((packed)) PackedTexts {
  bool last;
  int table[8];
};
struct NotTrivial {
  NotTrivial(const NotTrivial&) {}
};
template <>
inline constexpr bool multiprocessing::is_flat<NotTrivial> = true;

[[maybe_unused]] static void throw_across() {
#if defined(CASE_exception_from_nothing)
  // to arrive as itself an exception needs a constructor
  mp::register_exception<NotConstructible>();
#elif defined(CASE_exception_that_is_not_read)
  // `serialize` needs the last
  mp::register_exception<NotRead>();
#endif
}

[[maybe_unused]] static void send(mp::detail::Writer& writer, mp::detail::Reader& reader) {
  using mp::detail::read;
  using mp::detail::write;
  using mp::detail::write_call;
  static_cast<void>(reader);
  int here = 0;
#if defined(CASE_nothing_wrong)
  // compiles
  write_call(writer, take, here);
#elif defined(CASE_pointer)
  // a pointer means nothing in another process. Pass the object itself
  write_call(writer, take_pointer, &here);
#elif defined(CASE_pointer_in_aggregate)
  // a pointer means nothing in another process
  write(writer, std::vector<WithPointer>{{1, nullptr}});
#elif defined(CASE_reference_wrapper)
  // std::ref refers to an object of this process
  write_call(writer, take, std::ref(here));
#elif defined(CASE_std_function)
  // or use mp::Function, which can be sent
  write_call(writer, std::function<void()>{});
#elif defined(CASE_capturing_lambda)
  // a lambda with captures cannot be sent. Make each capture a parameter
  write_call(writer, [&here] { here = 1; });
#elif defined(CASE_capturing_lambda_in_function)
  // a lambda with captures cannot be sent
  mp::Function<void()> function = [here] { take(here); };
  write(writer, function);
#elif defined(CASE_capturing_lambda_in_partial)
  // a lambda with captures cannot be sent
  write(writer, mp::partial([here](int) { take(here); }, 1));
#elif defined(CASE_view_in_aggregate)
  // Hold std::string or std::vector there
  write(writer, WithView{"x"});
#elif defined(CASE_closed_class)
  // Give it a member
  write(writer, Closed{1});
#elif defined(CASE_pointer_to_base)
  // the whole object is not known
  write(writer, std::unique_ptr<Base>{});
#elif defined(CASE_no_default_constructor)
  // also needs a default constructor
  static_cast<void>(read<NoDefault>(reader));
#elif defined(CASE_no_default_constructor_in_a_list)
  // also needs a default constructor
  write(writer, std::vector<NoDefault>{});
#elif defined(CASE_lvalue_parameter)
  // cannot be called with these arguments. They arrive as values
  write_call(writer, take_reference, std::string{"x"});
#elif defined(CASE_too_few_arguments)
  // cannot be called with these arguments
  write_call(writer, take);
#elif defined(CASE_unnamed_union)
  // opt in by mp::is_flat<T>
  write(writer, WithUnion{1, {2}});
#elif defined(CASE_bit_fields_beside_an_array)
  // opt in by mp::is_flat<T>
  write(writer, std::vector<Marked>{});
#elif defined(CASE_packed_around_an_array)
  // opt in by mp::is_flat<T>
  write(writer, std::vector<PackedTexts>{});
#elif defined(CASE_flat_but_not_trivial)
  // is for trivially copyable types
  write(writer, *static_cast<NotTrivial*>(nullptr));
#endif
}
