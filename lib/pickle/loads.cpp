#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/pickle.hpp"
#include "pickle/machine.hpp"

namespace multiprocessing {
namespace {

[[noreturn]] void refuse(const detail::Machine& machine, const char* why) {
  throw SerializationError("the pickle is refused at byte " + std::to_string(machine.place()) +
                           ": " + why);
}

}  // namespace

Object loads(std::string_view pickled, PickleOptions options) {
  detail::Machine machine{pickled, options};
  try {
    return machine.run();
  } catch (const SerializationError& error) {
    refuse(machine, error.what());
  } catch (const TypeError& error) {  // a key that cannot be hashed
    refuse(machine, error.what());
  } catch (const ValueError& error) {  // nested too deep
    refuse(machine, error.what());
  }
}

}  // namespace multiprocessing
