#include "base/process_name.hpp"

#include "base/published_string.hpp"

namespace multiprocessing::detail {
namespace {

constinit PublishedString name;

}  // namespace

void set_process_name(const std::string& new_name) { name.set(new_name); }

std::string process_name() {
  const std::string_view known = name.get();
  return std::string{known.empty() ? "MainProcess" : known};
}

}  // namespace multiprocessing::detail
