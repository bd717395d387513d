#include "base/spawning.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/child_entries.hpp"
#include "base/death.hpp"
#include "base/forked.hpp"
#include "base/start_hook.hpp"
#include "multiprocessing/base/cpu_count.hpp"
#include "multiprocessing/base/errors.hpp"

namespace {

using namespace multiprocessing;
using namespace multiprocessing::detail;
using base_test::Answer;
using base_test::ask_child;
using base_test::Asked;
using base_test::spawn_child;

// Descriptors that a careless program leaves inheritable.
struct Careless {
  Careless() {
    for (int i = 0; i < 8; ++i) fds.emplace_back(open("/dev/null", O_RDONLY));
  }
  std::vector<UniqueFd> fds;
};

// Makes a system call fail with ENOSYS in this process and all it starts.
bool forbid(unsigned number) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (ENOSYS & SECCOMP_RET_DATA)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{.len = 4, .filter = program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// 0 when a child has exactly what it was given; in a forked process with changed surroundings.
int child_has_what_it_was_given() {
  const Careless careless;
  const UniqueFd given{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  Asked child = spawn_child({given.get()});
  const std::string list = child.order("descriptors").text;
  if (list.find(" " + std::to_string(given.get()) + " ") != std::string::npos &&
      std::count(list.begin(), list.end(), ' ') == 5)
    return 0;
  fprintf(stderr, "the child has %s\n", list.c_str());
  return 1;
}

TEST(SpawnProgramTest, TheChildHasTheListedDescriptorsAndNothingElse) {
  const Careless careless;
  std::vector<int> given{careless.fds[2].get(), careless.fds[5].get()};
  Asked child = spawn_child(given);
  const LifePipe none_of_its_business = make_life_pipe();
  const Answer answer = child.order("descriptors");
  EXPECT_EQ(std::count(answer.text.begin(), answer.text.end(), ' '), 6) << answer.text;
  for (const int fd : given)
    EXPECT_NE(answer.text.find(" " + std::to_string(fd) + " "), std::string::npos) << answer.text;
}

TEST(SpawnProgramTest, WorksOnAKernelWithoutCloseRange) {
  const int code = base_test::result_in_fork([] {
    if (!forbid(SYS_close_range)) return 77;
    return child_has_what_it_was_given();
  });
  if (code == 77) GTEST_SKIP() << "seccomp is not permitted here";
  EXPECT_EQ(code, 0);
}

// Hides /proc from this process and all it starts.
bool hide_proc() {
  // The loader needs /proc to find libraries by their place relative to the program.
  Dl_info library{};
  dladdr(reinterpret_cast<void*>(&cpu_count), &library);
  const auto folder = std::filesystem::absolute(library.dli_fname).parent_path();
  setenv("LD_LIBRARY_PATH", folder.c_str(), 1);
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("none", "/proc", "tmpfs", 0, nullptr) == 0;
}

TEST(SpawnProgramTest, WorksWithoutProc) {
  const int code = base_test::result_in_fork([] {
    if (!hide_proc()) return 77;
    return child_has_what_it_was_given();
  });
  if (code == 77) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(code, 0);
}

TEST(SpawnProgramTest, WorksWithoutProcAndWithoutCloseRange) {
  const int code = base_test::result_in_fork([] {
    if (!hide_proc() || !forbid(SYS_close_range)) return 77;
    return child_has_what_it_was_given();
  });
  if (code == 77) GTEST_SKIP() << "mounting or seccomp is not permitted here";
  EXPECT_EQ(code, 0);
}

TEST(SpawnProgramTest, AChildWithoutProcCanSpawnInTurn) {
  const int code = base_test::result_in_fork([] {
    if (!hide_proc()) return 77;
    const std::string list = ask_child("grandchild").text;
    return std::count(list.begin(), list.end(), ' ') == 4 ? 0 : 1;
  });
  if (code == 77) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(code, 0);
}

TEST(SpawnProgramTest, AChildsDescriptorsAreCloseOnExecBeforeItsCodeRuns) {
  const UniqueFd given{open("/dev/null", O_RDONLY)};
  EXPECT_EQ(ask_child("flags", {given.get()}).text, "0 1 2 ");
}

TEST(SpawnProgramTest, AChildCanSpawnInTurn) {
  const std::string list = ask_child("grandchild").text;
  EXPECT_EQ(std::count(list.begin(), list.end(), ' '), 4) << list;
}

TEST(SpawnProgramTest, ArgumentsFollowOurOwnName) {
  Asked child = spawn_child({}, "second argument");
  const std::string text = child.order("arguments").text;
  EXPECT_NE(text.find(std::string{" "} + child_mark), std::string::npos) << text;
  EXPECT_NE(text.find(" second argument "), std::string::npos) << text;  // then those we were given
}

TEST(SpawnProgramTest, TheProcessBearsTheNameOfTheProgram) {
  char own[17] = {};
  prctl(PR_GET_NAME, own);
  EXPECT_EQ(ask_child("name").text, own);
}

TEST(SpawnProgramTest, TheExitCodeComesThroughTheDescriptor) {
  EXPECT_EQ(ask_child("exit 0").exitcode, 0);
  EXPECT_EQ(ask_child("exit 41").exitcode, 41);
}

TEST(SpawnProgramTest, SixteenThreadsAtOnceMixNoDescriptors) {
  const Careless careless;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 4; ++round) {
        const Answer answer = ask_child("descriptors");
        if (std::count(answer.text.begin(), answer.text.end(), ' ') != 4) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(SpawnProgramTest, HandlersAreGoneIgnoredSignalsAndTheMaskStay) {
  const auto text = [] {
    signal(SIGUSR1, [](int) {});
    signal(SIGUSR2, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGURG);
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    const Answer answer = ask_child("signals");
    pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    return answer.text;
  }();
  const auto mask_of = [&](const char* field) {
    const auto at = text.find(field);
    return at == std::string::npos ? 0 : std::stoull(text.substr(at + 8), nullptr, 16);
  };
  const auto bit = [](int number) { return 1ULL << (number - 1); };
  EXPECT_EQ(mask_of("SigBlk"), bit(SIGURG)) << text;
  EXPECT_NE(mask_of("SigIgn") & bit(SIGUSR2), 0U) << text;
  EXPECT_EQ(mask_of("SigCgt") & bit(SIGUSR1), 0U) << text;
}

TEST(SpawnProgramTest, TheCallersOwnMaskIsAsBefore) {
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  EXPECT_EQ(ask_child("exit 3").exitcode, 3);
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int number = 1; number < NSIG; ++number)
    EXPECT_EQ(sigismember(&before, number), sigismember(&after, number)) << number;
}

TEST(SpawnProgramTest, SurvivesAProgramThatClosesAllDescriptors) {
  EXPECT_EQ(base_test::result_in_fork([] {
              syscall(SYS_close_range, 3, ~0U, 0);
              // Our number is another process's now.
              for (int i = 0; i < 30; ++i) (void)open("/dev/null", O_RDONLY | O_CLOEXEC);
              return ask_child("exit 6").exitcode;
            }),
            6);
}

TEST(SpawnProgramTest, ADescriptorThatIsNotOpenIsAnError) {
  try {
    (void)spawn_child({987});
    FAIL() << "no error";
  } catch (const OSError& error) {
    EXPECT_STREQ(error.what(), "fcntl descriptor 987: Bad file descriptor");
  }
}

TEST(SpawnProgramTest, NoRoomForADescriptorIsAnError) {
  EXPECT_EQ(base_test::result_in_fork([] {
              const rlimit few{.rlim_cur = 5, .rlim_max = 5};
              setrlimit(RLIMIT_NOFILE, &few);
              while (open("/dev/null", O_RDONLY) >= 0) {
              }
              try {
                (void)spawn_program({}, {});
              } catch (const OSError& error) {
                return error.code() == std::errc::too_many_files_open ? 0 : 1;
              }
              return 2;
            }),
            0);
}

TEST(SetProgramTest, AMissingProgramIsAnErrorOfTheCall) {
  set_program("/nowhere/to/be/found");
  try {
    (void)spawn_child();
    ADD_FAILURE() << "no error";
  } catch (const FileNotFoundError& error) {
    EXPECT_STREQ(error.what(), "execute /nowhere/to/be/found: No such file or directory");
  }
  set_program({});
  EXPECT_EQ(ask_child("exit 5").exitcode, 5);
}

TEST(SetProgramTest, AProgramThatMayNotBeExecutedIsAnErrorOfTheCall) {
  set_program("/dev/null");
  EXPECT_THROW((void)spawn_child(), OSError);
  set_program({});
}

TEST(SetProgramTest, AScriptWillDoAndItsPathCountsFromThenCurrentFolder) {
  const auto folder = std::filesystem::temp_directory_path();
  const std::string name = "multiprocessing-script-" + std::to_string(getpid());
  std::ofstream{folder / name} << "#!/bin/sh\nexit 12\n";
  std::filesystem::permissions(folder / name, std::filesystem::perms::owner_all);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  set_program(name);
  std::filesystem::current_path(before);
  EXPECT_EQ(spawn_child().order("").exitcode, 12);
  set_program({});
  std::filesystem::remove(folder / name);
}

}  // namespace
