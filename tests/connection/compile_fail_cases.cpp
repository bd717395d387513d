// What the compiler says about a wait for what cannot be waited for, and about a type that cannot
// be received. Compiled once per case with -DCASE_<name>; the first line of a case is a part of the
// text that must come out.
#include <chrono>
#include <string>
#include <vector>

#include "multiprocessing/connection.hpp"
#include "multiprocessing/process.hpp"

namespace mp = multiprocessing;

struct Task {
  int number;
};
struct NoDefault {
  explicit NoDefault(int value);
  template <class A>
  void serialize(A&, unsigned) {}
};
struct Timer {
  [[nodiscard]] int fileno() const { return descriptor; }
  int descriptor;
};

[[maybe_unused]] static void check(const mp::Process& child, const mp::Connection& connection) {
#if defined(CASE_what_can_be_waited_for)
  // compiles
  static_cast<void>(mp::wait({child, connection}));
  static_cast<void>(mp::wait({child}, std::chrono::seconds(1)));
  static_cast<void>(mp::wait({Timer{3}, Timer{4}}));
  static_cast<void>(mp::wait(std::vector<mp::Process>{}));
  static_cast<void>(mp::wait(std::vector<int>{3, 4}));
#elif defined(CASE_range_of_others)
  // mp::wait takes a list or range of things to wait for
  static_cast<void>(mp::wait(std::vector<Task>(2)));
#elif defined(CASE_list_of_others)
  // mp::wait takes a list or range of things to wait for
  static_cast<void>(mp::wait({Task{1}, Task{2}}));
#elif defined(CASE_another_in_a_list)
  // mp::wait takes a list or range of things to wait for
  static_cast<void>(mp::wait({child, Task{1}}, std::chrono::seconds(1)));
#elif defined(CASE_list_of_pointers)
  // mp::wait takes a list or range of things to wait for
  static_cast<void>(mp::wait({&child}));
#elif defined(CASE_one_process)
  // mp::wait takes a list or range of things to wait for
  mp::wait(child, std::chrono::seconds(1));
#elif defined(CASE_one_descriptor)
  // mp::wait takes a list or range of things to wait for
  mp::wait(connection.fileno());
#elif defined(CASE_received_without_default_constructor)
  // also needs a default constructor
  static_cast<void>(mp::Connection(connection).recv<NoDefault>());
#elif defined(CASE_another)
  // mp::wait takes a list or range of things to wait for
  mp::wait(Task{1});
#endif
}
