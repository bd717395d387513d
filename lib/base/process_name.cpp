#include "base/process_name.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>

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

std::string command_name() {
  if (::syscall(SYS_gettid) != ::getpid()) {
    std::ifstream file{"/proc/self/comm"};  // of the main thread
    if (std::string name; std::getline(file, name)) return name;
  }
  char name[16] = "";
  ::prctl(PR_GET_NAME, name);
  return name;
}

void set_command_name(const std::string& name) { ::prctl(PR_SET_NAME, name.c_str()); }

}  // namespace multiprocessing::detail
