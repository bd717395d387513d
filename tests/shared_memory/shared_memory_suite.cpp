#include "shared_memory_suite.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "multiprocessing/arena/usage.hpp"
#include "shared_memory/family_claim.hpp"
#include "shared_memory/folder.hpp"

namespace shared_memory_test {

namespace {

std::string used_folder;

std::string make_folder() {
  std::string path = "/dev/shm/mp_tests_" + std::to_string(getpid());
  std::filesystem::create_directory(path);
  setenv("MULTIPROCESSING_SHM_FOLDER", path.c_str(), 1);  // for children
  mp::detail::keep_blocks_in(path);
  used_folder = path;
  return path;
}

}  // namespace

const std::string& folder() {
  static const std::string path = make_folder();
  return path;
}

InDevShm::InDevShm() {
  mp::detail::keep_blocks_in("/dev/shm");
  used_folder = "/dev/shm";
}

InDevShm::~InDevShm() {
  mp::detail::keep_blocks_in(folder());
  used_folder = folder();
}

bool exists(const std::string& name) { return std::filesystem::exists(used_folder + '/' + name); }

int claims() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{used_folder})
    if (const std::string name = entry.path().filename(); name != mp::detail::family_claim())
      count += name.starts_with("mp.claim.") ? 1 : 0;
  return count;
}

Block::~Block() {
  try {
    memory.unlink();
  } catch (const mp::FileNotFoundError&) {
  }
}

int run_in_fork(const std::function<void()>& run) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      run();
    } catch (...) {
      _exit(99);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  mp::arena_sweep();  // lets go of what told about the child's birth
  return status;
}

namespace {

/// Stands before the first process starts, for all of them have to know it.
class Folder : public testing::Environment {
 public:
  void SetUp() override { static_cast<void>(folder()); }
  void TearDown() override {
    // It has a name since the first child left a block, until this program ends.
    std::filesystem::remove(folder() + '/' + mp::detail::family_claim());
    EXPECT_TRUE(std::filesystem::remove(folder())) << "is not empty";
  }
};
[[maybe_unused]] auto* const folder_of_tests = testing::AddGlobalTestEnvironment(new Folder);

}  // namespace
}  // namespace shared_memory_test
