#include "reduction/exception_states.hpp"

#include <any>
#include <array>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <typeinfo>
#include <variant>

#include "multiprocessing/base/exit.hpp"
#include "multiprocessing/reduction/exceptions.hpp"

namespace multiprocessing::detail {
namespace {

std::array<const std::error_category*, 4> known_categories() {
  return {&std::generic_category(), &std::system_category(), &std::iostream_category(),
          &std::future_category()};
}

template <class... E>
bool register_all() {
  return (register_exception<E>() && ...);
}

bool register_those_of_the_standard() {
  return register_all<std::exception, std::bad_exception, std::bad_alloc, std::bad_array_new_length,
                      std::bad_cast, std::bad_typeid, std::bad_any_cast, std::bad_optional_access,
                      std::bad_variant_access, std::bad_function_call, std::bad_weak_ptr,
                      std::logic_error, std::domain_error, std::invalid_argument, std::length_error,
                      std::out_of_range, std::future_error, std::runtime_error, std::overflow_error,
                      std::range_error, std::underflow_error, std::system_error,
                      std::ios_base::failure, std::filesystem::filesystem_error>();
}

bool register_those_of_this_library() {
  return register_all<ProcessError, TimeoutError, AuthenticationError, BufferTooShort, OwnerDied,
                      WorkerDied, ValueError, TypeError, AssertionError, KeyError, IndexError,
                      AttributeError, OverflowError, ZeroDivisionError, OSError, FileNotFoundError,
                      FileExistsError, ConnectionError, BrokenPipeError, ConnectionAbortedError,
                      ConnectionRefusedError, ConnectionResetError, EOFError, SerializationError,
                      RemoteError, BrokenBarrierError, Empty, Full, ShutDown, StopIteration,
                      CancelledError, InvalidStateError, BrokenProcessPool, Exit>();
}

}  // namespace

bool register_known_exceptions() {
  return register_those_of_the_standard() && register_those_of_this_library();
}

void write_code(Writer& writer, const std::error_code& code) {
  std::uint8_t number = 0;
  for (const std::error_category* category : known_categories()) {
    if (*category == code.category()) {
      writer.raw(number);
      writer.raw(code.value());
      return;
    }
    ++number;
  }
  throw_not_written("an error code of a category that is not the standard's");
}

std::error_code read_code(Reader& reader) {
  const auto number = reader.raw<std::uint8_t>();
  if (number >= known_categories().size()) throw_malformed("an error category", number);
  return {reader.raw<int>(), *known_categories()[number]};
}

std::string text_before_code(const std::string& text, const std::error_code& code) {
  const std::string end = ": " + code.message();
  if (!text.ends_with(end)) return text == code.message() ? std::string{} : text;
  return text.substr(0, text.size() - end.size());
}

}  // namespace multiprocessing::detail
