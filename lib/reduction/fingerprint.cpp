#include "multiprocessing/detail/fingerprint.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace multiprocessing::detail {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::string demangle(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name{
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free};
  if (status != 0 || !name) return mangled;
  std::string readable{name.get()};
  // What the ABI adds says nothing to a reader.
  replace_all(readable,
              "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
              "std::string");
  replace_all(readable, "std::allocator<std::string >", "std::allocator<std::string>");
  replace_all(readable, "std::__cxx11::", "std::");
  replace_all(readable, "[abi:cxx11]", "");
  return readable;
}

}  // namespace multiprocessing::detail
