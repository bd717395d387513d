// What the compiler says about types that cannot be shared. Compiled once per case with
// -DCASE_<name>; the first line of a case is a part of the text that must come out.
#include <string>

#include "multiprocessing/sharedctypes.hpp"

namespace mp = multiprocessing;

void check() {
#if defined(CASE_pointer)
  // a pointer means nothing in another process
  mp::Value<int*> value;
#elif defined(CASE_string)
  // only trivially copyable types can be shared as memory
  mp::RawValue<std::string> value;
#elif defined(CASE_array_of_strings)
  // only trivially copyable types can be shared as memory
  mp::RawArray<std::string> array(3);
#elif defined(CASE_lock_that_is_none)
  // the lock of a shared object is a Lock, RLock or Semaphore
  mp::Value<int, int> value;
#elif defined(CASE_slice_of_one_element)
  // what is assigned to a slice is a range of elements
  mp::Array<int>(3).set_slice(7);
#elif defined(CASE_slice_of_other_elements)
  // what is assigned to a slice is a range of elements
  mp::RawArray<int>(3).set_slice(0, 2, std::vector<std::string>(2));
#elif defined(CASE_slice_of_a_vector)
  // compiles
  mp::Array<int>(3).set_slice(std::vector<int>(3));
#elif defined(CASE_value)
  // compiles
  mp::Value<int> value{3};
#endif
}
