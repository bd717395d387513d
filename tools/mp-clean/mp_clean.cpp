// mp-clean: removes blocks of shared memory whose owners died, and says which.
#include <cstdio>
#include <exception>
#include <string_view>

#include "shared_memory/orphans.hpp"

namespace {

constexpr const char* help =
    "Usage: mp-clean\n"
    "Removes the named blocks of shared memory whose owners were killed, and prints their names.\n"
    "Root does it for all users. Blocks of living owners, and what other programs made, are not\n"
    "touched. Every program that uses the library does the same when it starts.\n";

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) {
    std::fputs(help, stdout);
    return std::string_view{arguments[1]} == "--help" ? 0 : 2;
  }
  try {
    for (const auto& name : multiprocessing::detail::orphans_removed())
      std::printf("%s\n", name.c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mp-clean: %s\n", error.what());
    return 1;
  }
}
