#include "process/report.hpp"

#include <cxxabi.h>
#include <string.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <new>

#include "base/write_whole.hpp"

namespace multiprocessing::detail {
namespace {

// What is thrown by `throw "text"` and its kind has no what().
std::string describe_value() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  const std::string name =
      type == nullptr ? "an exception of a foreign language" : readable_name(*type);
  try {
    throw;
  } catch (int value) {
    return name + ": " + std::to_string(value);
  } catch (const char* text) {
    return name + ": " + (text == nullptr ? "" : text);
  } catch (const std::string& text) {
    return name + ": " + text;
  } catch (...) {
    return name;
  }
}

// std::throw_with_nested makes a type of its own around the one that the user threw.
std::string without_nesting(std::string name) {
  const std::string_view wrapper = "std::_Nested_exception<";
  if (name.rfind(wrapper, 0) == 0 && name.back() == '>')
    name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
  return name;
}

void append_nested(std::string& text, const std::exception& exception) {
  try {
    std::rethrow_if_nested(exception);
  } catch (const std::exception& inner) {
    text += "\n  because of " + without_nesting(readable_name(typeid(inner))) + ": " + inner.what();
    append_nested(text, inner);
  } catch (...) {
    text += "\n  because of " + describe_value();
  }
}

}  // namespace

void print_error(std::string_view text) noexcept { write_whole(STDERR_FILENO, text); }

void warn_at_the_end(const std::string& text) noexcept {
  try {
    print_error("at the end of the process: " + text + '\n');
  } catch (const std::bad_alloc&) {
    print_error(text);
  }
}

std::string readable_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name{
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free};
  return status == 0 ? name.get() : type.name();
}

std::string short_name(const std::type_info& type) {
  std::string name = readable_name(type);
  name = name.substr(0, name.find('<'));
  const std::size_t colons = name.rfind("::");
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

std::string describe_current_exception() {
  try {
    throw;
  } catch (const std::exception& exception) {
    std::string text = without_nesting(readable_name(typeid(exception))) + ": " + exception.what();
    append_nested(text, exception);
    return text;
  } catch (...) {
    return describe_value();
  }
}

std::string describe_exit_code(int code) {
  const char* signal = code < 0 ? sigabbrev_np(-code) : nullptr;
  return signal == nullptr ? std::to_string(code) : std::string{"-SIG"} + signal;
}

}  // namespace multiprocessing::detail
