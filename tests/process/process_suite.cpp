#include "process_suite.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

namespace process_test {

int code_of_a_killed_child_that_others_reap() {
  utsname system{};
  uname(&system);
  int version = 0;
  int patch = 0;
  std::sscanf(system.release, "%d.%d", &version, &patch);
  return std::pair{version, patch} < std::pair{6, 15} ? 255 : -SIGKILL;
}

std::vector<int> open_descriptors() {
  std::vector<int> found;
  DIR* folder = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != dirfd(folder))
      found.push_back(std::atoi(entry->d_name));
  closedir(folder);
  std::ranges::sort(found);
  return found;
}

std::vector<int> inheritable_descriptors() {
  std::vector<int> found = open_descriptors();
  std::erase_if(found, [](int fd) { return fd <= 2 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; });
  return found;
}

std::string content_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

TemporaryFile::TemporaryFile() : path_("/tmp/multiprocessing-test-XXXXXX") {
  close(mkstemp(path_.data()));
}
TemporaryFile::~TemporaryFile() { unlink(path_.c_str()); }

namespace entry {

void nothing() {}

void wait_for_ever() {
  for (;;) pause();
}

void wait_at(Gate gate) { gate.wait(); }

void say_and_wait(Mailbox says, Gate gate) {
  says.put(getpid());
  gate.wait();
}

}  // namespace entry

FOR_EVERY_START_METHOD(ProcessTest);

}  // namespace process_test
