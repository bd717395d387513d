// Which descriptors a child has.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process_suite.hpp"

namespace process_test {
namespace {

using multiprocessing::detail::UniqueFd;

void count_descriptors(Mailbox says) { says.put(open_descriptors().size()); }

// CPython: _TestProcess.test_child_fd_inflation
TEST_P(ProcessTest, AChildDoesNotPayForItsSiblings) {
  if (forks()) GTEST_SKIP() << "a forked child has what its parent has";
  Mailbox says;
  Gate gate;
  const auto target = [](Mailbox box, Gate g) {
    count_descriptors(box);
    g.wait();
  };
  std::vector<mp::Process> processes;
  for (int i = 0; i < 5; ++i) {
    processes.emplace_back(target, says, gate);
    processes.back().start();
    (void)says.get(static_cast<unsigned>(i));
  }
  gate.open();
  for (auto& process : processes) process.join();
  for (unsigned i = 1; i < 5; ++i) EXPECT_EQ(says.get(i), says.get(0));
}

// CPython: TestCloseFds.test_closefd
TEST_P(ProcessTest, OnlyAForkedChildHasADescriptorThatItWasNotGiven) {
  const int other = open("/dev/null", O_RDONLY);
  const int high = fcntl(other, F_DUPFD, 100);
  close(other);
  Mailbox says;
  const auto target = [](Mailbox box, int fd) { box.put(fcntl(fd, F_GETFD) >= 0); };
  EXPECT_EQ(run_in_child(target, says, high), 0);
  EXPECT_EQ(says.get(), forks() ? "1" : "0");
  close(high);
}

TEST_P(ProcessTest, DescriptorsOfAChildAreCloseOnExec) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    std::string inheritable;
    for (int fd : inheritable_descriptors()) inheritable += std::to_string(fd) + ' ';
    box.put(inheritable);
  };
  EXPECT_EQ(run_in_child(target, says), 0);
  std::string own;
  if (forks())
    for (int fd : inheritable_descriptors()) own += std::to_string(fd) + ' ';
  EXPECT_EQ(says.get(), own);
}

TEST_P(ProcessTest, StandardInputOfAChildIsEmpty) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    char letter = 0;
    box.put(read(STDIN_FILENO, &letter, 1));
  };
  EXPECT_EQ(run_in_child(target, says), 0);
  EXPECT_EQ(says.get(), "0");
}

/// Leaves this process `left` descriptors to open, for as long as it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(unsigned left) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lower{std::min<rlim_t>(before_.rlim_cur, 256), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &lower);
    for (int fd; (fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0;) taken_.emplace_back(fd);
    taken_.resize(taken_.size() - left);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_;
  std::vector<UniqueFd> taken_;
};

// Under fork the target had run, and start() threw for want of a pidfd.
TEST_P(ProcessTest, AStartThatFailsAtTheLimitOfDescriptorsHasRunNothing) {
  run_in_child(entry::nothing);  // there is a server
  Mailbox says;
  for (unsigned left = 0;; ++left) {
    mp::Process process{[](Mailbox box) { box.put("I ran"); }, says};
    const FewDescriptors few{left};
    try {
      process.start();
    } catch (const mp::OSError& error) {
      EXPECT_EQ(error.code().value(), EMFILE);
      EXPECT_THAT(error.what(), testing::EndsWith(": Too many open files"));
      EXPECT_EQ(process.pid(), std::nullopt);
      continue;
    }
    process.join();
    EXPECT_EQ(process.exitcode(), 0);
    break;
  }
  EXPECT_EQ(says.size(), 1U);
}

// Under fork too, but for the read ends of life pipes, which bind nobody.
TEST_P(ProcessTest, ThreadsThatStartChildrenAtOnceGiveThemNothingOfEachOther) {
  constexpr int threads = 16;
  constexpr int rounds = 3;
  Mailbox says;
  Gate gate;
  const auto target = [](Mailbox box, Gate g, std::vector<int> known) {
    std::string write_ends;
    for (int fd : open_descriptors()) {
      if (std::ranges::count(known, fd) != 0) continue;
      char link[64] = {};
      const std::string path = "/proc/self/fd/" + std::to_string(fd);
      if (readlink(path.c_str(), link, sizeof link - 1) < 0) continue;
      const bool writes = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
      if (fd > 2 && writes && std::string{link}.starts_with("pipe:")) write_ends += path + ' ';
    }
    box.put(write_ends + (write_ends.empty() ? std::to_string(open_descriptors().size()) : ""));
    g.wait();
  };
  std::vector<std::thread> starters;
  for (int t = 0; t < threads; ++t)
    starters.emplace_back([&] {
      std::vector<mp::Process> children;
      for (int i = 0; i < rounds; ++i) {
        children.emplace_back(target, says, gate, inheritable_descriptors());
        children.back().start();
      }
      for (auto& child : children) {
        gate.wait();
        child.join();
        EXPECT_EQ(child.exitcode(), 0);
      }
    });
  std::string first = says.get(0);
  for (unsigned i = 0; i < threads * rounds; ++i) {
    EXPECT_EQ(says.get(i).find("/proc"), std::string::npos) << says.get(i);
    EXPECT_TRUE(forks() || says.get(i) == first) << says.get(i) << " and not " << first;
  }
  gate.open();
  for (auto& starter : starters) starter.join();
}

}  // namespace
}  // namespace process_test
