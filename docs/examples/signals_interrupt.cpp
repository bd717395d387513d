// Ctrl-C at any moment: what main has made is ended and removed, then the program dies of it.
#include <multiprocessing/base.hpp>
#include <multiprocessing/pool.hpp>

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace mp = multiprocessing;
namespace fs = std::filesystem;

struct TemporaryFolder {
  fs::path path = fs::temp_directory_path() / ("tiles-" + std::to_string(getpid()));
  TemporaryFolder() { fs::create_directory(path); }
  ~TemporaryFolder() {
    fs::remove_all(path);
    std::cout << "removed" << std::endl;
  }
};

bool make_tile(const std::string& file) {
  std::ofstream{file} << std::string(1000, 'x');
  return true;
}

// [interrupt]
int main() {
  mp::Signals caught{SIGINT, SIGTERM};  // before all that is to be cleaned up
  caught.interrupt_waits();
  TemporaryFolder folder;
  mp::Pool pool(2);
  std::cout << "working in " << folder.path << std::endl;
  for (int round = 0;; ++round) {
    std::vector<std::string> files;
    for (int i = 0; i < 100; ++i) files.push_back(folder.path / std::to_string(i));
    pool.map(make_tile, files);  // or any other wait: throws mp::Interrupted
  }
}
// [/interrupt]
