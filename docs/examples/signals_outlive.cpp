// A folder that is removed however the program ends, by a process that outlives it.
#include <multiprocessing/process.hpp>

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>

namespace mp = multiprocessing;
namespace fs = std::filesystem;

// [outlive]
void remove_when_parent_has_ended(std::string folder) {
  mp::parent_process()->join();  // by return, exception, Ctrl-C or kill -9
  fs::remove_all(folder);
  std::cout << "removed" << std::endl;
}

int main() {
  const std::string folder = fs::temp_directory_path() / ("scratch-" + std::to_string(getpid()));
  fs::create_directory(folder);
  // In a group of its own: Ctrl-C at the terminal is not for it.
  mp::Process cleaner{{.daemon = false, .outlive_parent = true, .own_group = true},
                      remove_when_parent_has_ended,
                      folder};
  cleaner.start();
  std::cout << folder << std::endl;
  for (;;) pause();
}
// [/outlive]
