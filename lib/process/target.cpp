#include "multiprocessing/detail/target.hpp"

#include <string>

#include "multiprocessing/base/errors.hpp"
#include "process/report.hpp"

namespace multiprocessing::detail {

Work::~Work() = default;
Target::~Target() = default;

void throw_not_sendable_target(const std::type_info& target) {
  throw SerializationError(
      "the target " + readable_name(target) +
      " cannot be sent to another process. If it is a lambda, let it capture nothing and pass what "
      "it needs as arguments; a functor needs `serialize`. Only under fork may it be anything");
}

void throw_not_callable_on_arrival(const std::type_info& target) {
  throw SerializationError(
      "the target " + readable_name(target) +
      " cannot be called with its arguments as they arrive in another process: "
      "text arrives as std::string, spans as std::vector");
}

void throw_not_sendable_object(const std::type_info& object) {
  throw SerializationError("a " + readable_name(object) +
                           " cannot be sent to another process: ProcessOf needs a default "
                           "constructor and `serialize` for that, or the start method fork");
}

std::unique_ptr<Work> read_work(Reader& reader) {
  const auto read = reinterpret_cast<WorkReader>(read_function(reader));
  if (read == nullptr) throw SerializationError("what the child is to do is missing");
  return read(reader);
}

}  // namespace multiprocessing::detail
