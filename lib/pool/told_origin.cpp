#include "pool/told_origin.hpp"

#include <dlfcn.h>

#include <cstdint>
#include <sstream>
#include <string_view>

#include "multiprocessing/detail/fingerprint.hpp"

namespace multiprocessing::detail {

std::string told_origin(const Origin& origin) {
  std::ostringstream text;
  if (origin.where.file_name != nullptr) {
    text << ", submitted at " << origin.where.file_name << ':' << origin.where.line;
    return text.str();
  }
  Dl_info found{};
  if (origin.caller == nullptr || dladdr(origin.caller, &found) == 0 || found.dli_fname == nullptr)
    return {};
  const auto at = reinterpret_cast<std::uintptr_t>(origin.caller);
  const std::string_view path = found.dli_fname;
  const std::string_view file = path.substr(path.rfind('/') + 1);
  text << ", submitted in " << std::hex << std::showbase;
  if (found.dli_sname != nullptr)
    text << demangle(found.dli_sname) << '+'
         << at - reinterpret_cast<std::uintptr_t>(found.dli_saddr) << " of " << file;
  else
    text << file << '+' << at - reinterpret_cast<std::uintptr_t>(found.dli_fbase);
  return text.str();
}

}  // namespace multiprocessing::detail
