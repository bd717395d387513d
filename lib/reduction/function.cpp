#include "multiprocessing/reduction/function.hpp"

#include <functional>

namespace multiprocessing::detail {

void throw_empty_function() { throw std::bad_function_call(); }

}  // namespace multiprocessing::detail
