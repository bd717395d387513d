// What the compiler says to those who give a Pool what its workers cannot call. Compiled once per
// case with -DCASE_<name>; the first line of a case is a part of the text that must come out.
#include <string>
#include <vector>

#include "multiprocessing/pool.hpp"

namespace mp = multiprocessing;

[[maybe_unused]] static int take(const std::string& text) { return static_cast<int>(text.size()); }
[[maybe_unused]] static void take_reference(std::string& text) { text.clear(); }
// A name of the system's, which other headers bring.
[[maybe_unused]] static int read(const std::string& text) { return static_cast<int>(text.size()); }

[[maybe_unused]] static void check() {
  const std::vector<std::string> texts{"a"};
#if defined(CASE_name_of_the_system)
  // compiles
  mp::Pool pool(2, take, "text");
  const std::vector<int> sizes = pool.map(read, texts);
#elif defined(CASE_other_elements)
  // the callable cannot be called with these arguments
  mp::Pool(2).map(take, std::vector{1, 2});
#elif defined(CASE_reference_parameter)
  // the callable cannot be called with these arguments
  mp::Pool(2).map(take_reference, texts);
#elif defined(CASE_initializer)
  // the callable cannot be called with these arguments
  mp::Pool pool(2, take, 1);
#elif defined(CASE_capturing_lambda)
  // a lambda with captures cannot be sent
  mp::Pool(2).map([&texts](int i) { return texts[static_cast<std::size_t>(i)]; }, {0});
#elif defined(CASE_capturing_lambda_over_a_vector)
  // a lambda with captures cannot be sent
  mp::Pool(2).map([&texts](const std::string& text) { return texts[0] == text; }, texts, 1);
#elif defined(CASE_task_with_other_arguments)
  // the callable cannot be called with these arguments
  mp::Pool(2).apply_async(take, 1);
#elif defined(CASE_task_that_captures)
  // a lambda with captures cannot be sent
  mp::Pool(2).apply_async([&texts] { return texts[0]; });
#elif defined(CASE_result_that_cannot_be_sent)
  // a pointer means nothing in another process
  mp::Pool(2).map([](const std::string& text) { return &text; }, texts);
#endif
}
