// SharedMemory: names, sizes, attaching, and what is refused.
#include "multiprocessing/shared_memory/shared_memory.hpp"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <unordered_set>

#include "shared_memory/folder.hpp"
#include "shared_memory_suite.hpp"
#include "support/refused_calls.hpp"
#include "support/watchdog.hpp"

namespace shared_memory_test {
namespace {

using namespace std::string_view_literals;

class SharedMemoryTest : public testing::Test {};
class SharedMemoryInChildrenTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(SharedMemoryInChildrenTest);

// CPython: _TestSharedMemory.test_shared_memory_name_with_embedded_null
TEST_F(SharedMemoryTest, ANameWithANulIsRefused) {
  EXPECT_THROW(mp::SharedMemory({.create = true, .size = 1, .name = std::string{"a\0b"sv}}),
               mp::ValueError);
  EXPECT_THROW(mp::SharedMemory("a\0b"sv), mp::ValueError);
}

std::string names_in_turn() {
  static int asked = 0;
  static const std::array<std::string, 2> names{"psm_mp_test_taken", "psm_mp_test_free"};
  return names[static_cast<std::size_t>(asked++) % 2];
}

// CPython: _TestSharedMemory.test_shared_memory_basics
TEST_F(SharedMemoryTest, IsAttachedToByItsName) {
  const Block made{mp::SharedMemory{{.create = true, .size = 512, .name = "mp_test_basics"}}};
  EXPECT_EQ(made.memory.name(), "mp_test_basics");
  EXPECT_EQ(made.memory.size(), 512U);
  EXPECT_EQ(mp::to_string(made.memory), "SharedMemory('mp_test_basics', size=512)");
  made.memory.buf()[0] = std::byte{42};

  mp::SharedMemory same{{.size = 123456, .name = "mp_test_basics"}};
  EXPECT_EQ(same.size(), 512U) << "the size that is asked for is ignored when attaching";
  EXPECT_EQ(same.buf()[0], std::byte{42});
  same.buf()[1] = std::byte{100};
  EXPECT_EQ(made.memory.buf()[1], std::byte{100});
  same.close();
  same.close();
  EXPECT_THROW(static_cast<void>(same.buf()), mp::ValueError);
  EXPECT_EQ(same.name(), "mp_test_basics");
  EXPECT_EQ(same.size(), 512U);
  EXPECT_EQ(made.memory.buf()[1], std::byte{100});

  EXPECT_THROW(mp::SharedMemory({.create = true, .size = 512, .name = "mp_test_basics"}),
               mp::FileExistsError);
  made.memory.unlink();
  EXPECT_THROW(made.memory.unlink(), mp::FileNotFoundError);
  EXPECT_THROW(mp::SharedMemory("mp_test_basics"), mp::FileNotFoundError);
  EXPECT_EQ(made.memory.buf()[0], std::byte{42}) << "memory stays while it is mapped";
}

// CPython: _TestSharedMemory.test_shared_memory_recreate
TEST_F(SharedMemoryTest, AMadeUpNameThatIsTakenIsMadeUpAgain) {
  mp::detail::make_up_names_by(names_in_turn);
  const Block first{8};
  EXPECT_EQ(first.memory.name(), "psm_mp_test_taken");
  static_cast<void>(names_in_turn());
  const Block second{8};  // is offered "taken" first
  mp::detail::make_up_names_by(nullptr);
  EXPECT_EQ(second.memory.name(), "psm_mp_test_free");
  EXPECT_EQ(claims(), 2);
}

TEST_F(SharedMemoryTest, AMadeUpNameIsAsPythonMakesIt) {
  const Block block{1};
  const std::string name = block.memory.name();
  EXPECT_EQ(name.size(), 12U);
  EXPECT_TRUE(name.starts_with("psm_"));
  EXPECT_EQ(name.find_first_not_of("0123456789abcdef", 4), std::string::npos) << name;
  struct stat status {};
  ASSERT_EQ(stat((folder() + '/' + name).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(status.st_size, 1);
  EXPECT_EQ(status.st_nlink, 1U);
}

// CPython: _TestSharedMemory.test_invalid_shared_memory_creation,
// CPython: TestResourceTracker.test_too_long_name_resource
TEST_F(SharedMemoryTest, WhatMakesNoSenseIsRefused) {
  EXPECT_THROW(mp::SharedMemory({.create = true, .size = 0}), mp::ValueError);
  EXPECT_THROW(mp::SharedMemory({.create = true}), mp::ValueError);
  EXPECT_THROW(mp::SharedMemory({.size = 10}), mp::ValueError);
  EXPECT_THROW(mp::SharedMemory(""), mp::OSError);
  EXPECT_EQ(claims(), 0);
}

/// 0 when it works.
template <class Call>
int error_of(const Call& call) {
  try {
    call();
    return 0;
  } catch (const mp::OSError& error) {
    return error.code().value();
  }
}

// Each tried with CPython 3.11, but for the names that are ours.
TEST_F(SharedMemoryTest, OddNamesAreRefusedAsInCPython) {
  struct Case {
    std::string name;
    int creating;
    int attaching;
  };
  for (const Case& tried :
       {Case{"a/b", EINVAL, EINVAL}, Case{"/a/b", EINVAL, EINVAL}, Case{"x/", EINVAL, EINVAL},
        Case{"/", EINVAL, EINVAL}, Case{"//", EINVAL, EINVAL}, Case{".", EEXIST, EINVAL},
        Case{"..", EEXIST, EINVAL}, Case{"/..", EEXIST, EINVAL},
        Case{std::string(256, 'x'), ENAMETOOLONG, ENAMETOOLONG},
        Case{'/' + std::string(256, 'x'), ENAMETOOLONG, ENAMETOOLONG},
        Case{"mp.claim.0", EINVAL, EINVAL}, Case{"/mp.claim.0", EINVAL, EINVAL}}) {
    EXPECT_EQ(error_of([&] { mp::SharedMemory({.create = true, .size = 1, .name = tried.name}); }),
              tried.creating)
        << tried.name;
    EXPECT_EQ(error_of([&] { mp::SharedMemory{tried.name}; }), tried.attaching) << tried.name;
  }
  EXPECT_EQ(claims(), 0);
}

TEST_F(SharedMemoryTest, SlashesBeforeANameAreTakenAwayAsByShmOpen) {
  for (const std::string& name : {std::string{"/mp_test_posix"}, std::string{"//mp_test_posix"},
                                  '/' + std::string(255, 'x')}) {
    const Block made{mp::SharedMemory{{.create = true, .size = 8, .name = name}}};
    EXPECT_EQ(made.memory.name(), name) << "as it was given, as in CPython";
    made.memory.buf()[3] = std::byte{3};
    const std::string plain = name.substr(name.find_first_not_of('/'));
    EXPECT_TRUE(exists(plain));
    EXPECT_EQ(mp::SharedMemory(plain).buf()[3], std::byte{3});
    EXPECT_EQ(mp::SharedMemory('/' + name).buf()[3], std::byte{3});
    EXPECT_EQ(value_of<mp::SharedMemory>(message_of(made.memory)).buf()[3], std::byte{3});
    EXPECT_EQ(error_of([&] { mp::SharedMemory({.create = true, .size = 1, .name = plain}); }),
              EEXIST);
    mp::SharedMemory(plain).unlink();
    EXPECT_THROW(made.memory.unlink(), mp::FileNotFoundError);
    EXPECT_EQ(claims(), 0);
  }
}

TEST_F(SharedMemoryTest, ANameMayBeAnyOtherBytes) {
  for (const std::string& name :
       {std::string{"with blank"}, std::string{".hidden"}, std::string{"gr\xc3\xbc\xc3\x9f"},
        std::string(200, 'n'), std::string{"-x"}, std::string{"*"}, std::string{" "}}) {
    const Block made{mp::SharedMemory{{.create = true, .size = 8, .name = name}}};
    EXPECT_EQ(mp::SharedMemory(name).name(), name);
  }
}

// CPython:
// TestSharedMemoryNames.test_that_shared_memory_name_with_colons_has_no_resource_tracker_errors
TEST_F(SharedMemoryTest, ANameMayHoldColonsAndNewlines) {
  const std::string name = "mp_test:a:b\nc";
  const Block block{mp::SharedMemory{{.create = true, .size = 3, .name = name}}};
  EXPECT_EQ(mp::SharedMemory(name).size(), 3U);
}

TEST_F(SharedMemoryTest, ABlockShowsItselfAsWholeElements) {
  const Block block{20};
  EXPECT_EQ(block.memory.buf<double>().size(), 2U);
  EXPECT_EQ(block.memory.buf().size(), 20U);
  const auto bytes = block.memory.buf();
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), std::byte{0}), 20);
}

TEST_F(SharedMemoryTest, CopiesShareAMappingUntilTheLastIsClosed) {
  const Block block{8};
  mp::SharedMemory copy = block.memory;
  EXPECT_EQ(copy, block.memory);
  EXPECT_EQ((std::unordered_set<mp::SharedMemory>{copy, block.memory}).size(), 1U);
  mp::SharedMemory other{block.memory.name()};
  EXPECT_NE(copy, other);
  copy.close();
  block.memory.buf()[7] = std::byte{7};
  EXPECT_EQ(other.buf()[7], std::byte{7});
}

// ---- messages ----

void write_into(mp::SharedMemory block, std::string expected_name) {
  if (block.name() != expected_name || block.size() != 512) throw mp::Exit{1};
  block.buf()[3] = std::byte{33};
}

void write_by_name(std::string name) { mp::SharedMemory{name}.buf()[4] = std::byte{44}; }

// CPython: _TestSharedMemory.test_shared_memory_across_processes,
// CPython: _TestSharedMemory.test_shared_memory_pickle_unpickle
TEST_P(SharedMemoryInChildrenTest, ABlockGoesToAChildByItselfAndByName) {
  const Block block;
  EXPECT_EQ(run_in_child(write_into, block.memory, block.memory.name()), 0);
  EXPECT_EQ(run_in_child(write_by_name, block.memory.name()), 0);
  EXPECT_EQ(block.memory.buf()[3], std::byte{33});
  EXPECT_EQ(block.memory.buf()[4], std::byte{44});
}

// CPython: _TestSharedMemory.test_shared_memory_pickle_unpickle_dead_object
TEST_F(SharedMemoryTest, AMessageNamesTheBlockAndArrivingIsAttaching) {
  const Block block{mp::SharedMemory{{.create = true, .size = 100'000}}};
  block.memory.buf()[99'999] = std::byte{9};
  const std::string message = message_of(block.memory);
  EXPECT_LT(message.size(), 64U);
  EXPECT_EQ(value_of<mp::SharedMemory>(message).buf()[99'999], std::byte{9});
  block.memory.unlink();
  EXPECT_THROW(value_of<mp::SharedMemory>(message), mp::FileNotFoundError);
}

// ---- memory that is not there; W36 ----

TEST_F(SharedMemoryTest, W36AFullFolderIsAnExceptionAndLeavesNothing) {
  const std::string small = testing::TempDir() + "mp_small_shm";
  std::filesystem::create_directories(small);
  if (mount("tmpfs", small.c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "may not mount a small tmpfs here";
  mp::detail::keep_blocks_in(small);
  try {
    const mp::SharedMemory block{{.create = true, .size = std::size_t{4} << 20U}};
    ADD_FAILURE() << "it has only 1 MiB";
  } catch (const mp::OSError& error) {
    EXPECT_EQ(error.code().value(), ENOSPC);
    EXPECT_NE(std::string_view{error.what()}.find("1048576 left"), std::string_view::npos)
        << error.what();
  }
  EXPECT_TRUE(std::filesystem::is_empty(small));
  {
    mp::SharedMemory block{{.create = true, .size = std::size_t{512} << 10U}};
    std::ranges::fill(block.buf(), std::byte{1});
    EXPECT_THROW(mp::SharedMemory({.create = true, .size = std::size_t{768} << 10U}), mp::OSError);
    block.unlink();
  }
  EXPECT_TRUE(std::filesystem::is_empty(small));
  mp::detail::keep_blocks_in(folder());
  umount2(small.c_str(), MNT_DETACH);
}

TEST_F(SharedMemoryTest, ALimitOfFileSizesIsAnExceptionAndNoSignal) {
  const int status = run_in_fork([] {
    const rlimit small{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &small);
    try {
      const mp::SharedMemory block{{.create = true, .size = 8192}};
    } catch (const mp::OSError& error) {
      _exit(error.code().value() == EFBIG ? 7 : 8);
    }
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

// The block itself would fit, and what is written down about it would not.
TEST_F(SharedMemoryTest, ALimitOfFileSizesBelowWhatAClaimTakesIsAnExceptionAndNoSignal) {
  const int status = run_in_fork([] {
    const rlimit small{100, 100};
    setrlimit(RLIMIT_FSIZE, &small);
    _exit(error_of([] { mp::SharedMemory({.create = true, .size = 50}); }) == EFBIG ? 7 : 8);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

TEST_F(SharedMemoryTest, WhereLocksAreRefusedCreatingIsAnErrorThatSaysSo) {
  for (const int refusal : {EPERM, ENOLCK, ENOSYS}) {
    const int status = run_in_fork([refusal] {
      const test_support::Watchdog allowed{std::chrono::seconds{20}};
      if (!test_support::refuse_call(SYS_flock, refusal)) _exit(77);
      try {
        const mp::SharedMemory block{{.create = true, .size = 1}};
      } catch (const mp::OSError& error) {
        const bool names = std::string_view{error.what()}.find("flock") != std::string_view::npos;
        _exit(names && error.code().value() == refusal ? 7 : 8);
      }
    });
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "seccomp is not permitted";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
    EXPECT_EQ(claims(), 0);
  }
}

TEST_F(SharedMemoryTest, UnlinkingTakesNoDescriptor) {
  const int status = run_in_fork([] {
    const mp::SharedMemory block{{.create = true, .size = 1, .name = "mp_test_unlinked"}};
    const rlimit none{0, 0};
    setrlimit(RLIMIT_NOFILE, &none);
    block.unlink();
  });
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(exists("mp_test_unlinked"));
  EXPECT_EQ(claims(), 0);
}

TEST_F(SharedMemoryTest, MoreThanThereIsMemoryIsAnException) {
  EXPECT_THROW(mp::SharedMemory({.create = true, .size = std::size_t{1} << 50U}), mp::OSError);
  EXPECT_EQ(claims(), 0);
}

TEST_F(SharedMemoryTest, WithoutTheFolderItSaysWhy) {
  mp::detail::keep_blocks_in(testing::TempDir() + "mp_no_such_folder");
  for (const bool create : {true, false}) {
    try {
      const mp::SharedMemory block{{.create = create, .size = 1, .name = "mp_test_nowhere"}};
      ADD_FAILURE() << "there is no folder";
    } catch (const mp::OSError& error) {
      EXPECT_NE(std::string_view{error.what()}.find("mount a tmpfs"), std::string_view::npos)
          << error.what();
    }
  }
  mp::detail::keep_blocks_in(folder());
}

TEST_F(SharedMemoryTest, AnEmptyFileCannotBeAttachedTo) {
  const std::string path = folder() + "/mp_test_empty";
  fclose(fopen(path.c_str(), "w"));
  EXPECT_THROW(mp::SharedMemory("mp_test_empty"), mp::ValueError);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace shared_memory_test
