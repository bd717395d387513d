// Figures of the machine, beside what the kernel says elsewhere.
#include "multiprocessing/monitor/sampler.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/process/process.hpp"
#include "support/processes.hpp"

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

const mp::ProcessInfo* find(const std::vector<mp::ProcessInfo>& list, pid_t pid) {
  const auto found = std::ranges::find(list, pid, &mp::ProcessInfo::pid);
  return found == list.end() ? nullptr : &*found;
}

/// A child of fork that waits to be killed.
class Sleeper {
 public:
  explicit Sleeper(const char* name = nullptr) : pid_(fork()) {
    if (pid_ != 0) return;
    if (name != nullptr) prctl(PR_SET_NAME, name);
    kill(getpid(), SIGSTOP);
    for (;;) pause();
  }
  ~Sleeper() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// It has its name then.
  void wait_until_stopped() const {
    int status = 0;
    ASSERT_EQ(waitpid(pid_, &status, WUNTRACED), pid_);
  }

 private:
  const pid_t pid_;
};

void keep_busy_for(std::chrono::milliseconds processor_time) {
  const auto used = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return std::chrono::seconds{usage.ru_utime.tv_sec + usage.ru_stime.tv_sec} +
           std::chrono::microseconds{usage.ru_utime.tv_usec + usage.ru_stime.tv_usec};
  };
  for (const auto until = used() + processor_time; used() < until;) continue;
}

TEST(Sampler, FiguresOfTheMachineAreWithinTheirBounds) {
  mp::Sampler sampler{{.disks = {"/", "/proc/self"}}};
  const mp::SystemStats stats = sampler.system();
  EXPECT_GE(stats.cpu_percent, 0);
  EXPECT_LE(stats.cpu_percent, 100);
  EXPECT_EQ(stats.cpu_percent_each.size(), static_cast<std::size_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  EXPECT_GT(stats.memory_percent, 0);
  EXPECT_LT(stats.memory_percent, 100);
  ASSERT_EQ(stats.disk_percent.size(), 2U);
  EXPECT_EQ(stats.disk_percent.at("/proc/self"), 0);
  EXPECT_GT(stats.disk_percent.at("/"), 0);
  EXPECT_GE(stats.process_count, 2U);
}

TEST(Sampler, TheFirstSampleAnswersWithFiguresAndNotWithZero) {
  const pid_t busy = fork();
  if (busy == 0) {
    for (;;) continue;
  }
  mp::Sampler sampler;
  EXPECT_GT(sampler.system().cpu_percent, 0);
  kill(busy, SIGKILL);
  waitpid(busy, nullptr, 0);
}

TEST(Sampler, OwnProcessorTimeIsToldOfTheSpanBetweenTwoSamples) {
  mp::Sampler sampler;
  (void)sampler.processes();
  const auto begin = std::chrono::steady_clock::now();
  keep_busy_for(400ms);
  const auto list = sampler.processes();
  const std::chrono::duration<double> span = std::chrono::steady_clock::now() - begin;
  const auto* const self = find(list, getpid());
  ASSERT_NE(self, nullptr);
  EXPECT_NEAR(self->cpu_percent, 40 / span.count(), 8 / span.count());
  EXPECT_EQ(self->state, mp::ProcessState::running);
  EXPECT_EQ(self->parent, getppid());
  EXPECT_GT(self->memory_percent, 0);
  EXPECT_EQ(self->threads, 1);
  const auto age = std::chrono::system_clock::now() - self->start_time;
  EXPECT_GT(age, -2s);
  EXPECT_LT(age, 1h);
}

TEST(Sampler, ANewProcessIsJudgedByItsTimeSinceTheSampleBefore) {
  mp::Sampler sampler;
  (void)sampler.processes();
  const Sleeper sleeper;
  const auto list = sampler.processes();
  const auto* const seen = find(list, sleeper.pid());
  ASSERT_NE(seen, nullptr);
  EXPECT_LE(seen->cpu_percent, 100.0);
}

TEST(Sampler, StatesOfProcessesAreThoseOfTheKernel) {
  mp::Sampler sampler;
  const Sleeper stopped;
  stopped.wait_until_stopped();
  const pid_t zombie = fork();
  if (zombie == 0) _exit(0);
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT);
  const auto list = sampler.processes();
  ASSERT_NE(find(list, zombie), nullptr);
  EXPECT_EQ(find(list, zombie)->state, mp::ProcessState::zombie);
  EXPECT_EQ(find(list, stopped.pid())->state, mp::ProcessState::stopped);
  waitpid(zombie, nullptr, 0);
  EXPECT_EQ(find(sampler.processes(), zombie), nullptr);
}

TEST(Sampler, ThreadsOfTheKernelAreTold) {
  mp::Sampler sampler;
  const auto list = sampler.processes();
  const auto* const keeper = find(list, 2);
  if (keeper == nullptr || keeper->name != "kthreadd") GTEST_SKIP() << "a pid namespace";
  EXPECT_EQ(keeper->memory_percent, 0);
  EXPECT_EQ(keeper->parent, 0);
}

TEST(Sampler, NamesThatCouldDoHarmAreMadeHarmless) {
  const Sleeper sleeper{"a b)(\n\x1b[1m\xff"};
  sleeper.wait_until_stopped();
  mp::Sampler sampler;
  const auto list = sampler.processes();
  const auto* const seen = find(list, sleeper.pid());
  ASSERT_NE(seen, nullptr);
  EXPECT_TRUE(seen->name.starts_with("a b)("));
  EXPECT_TRUE(std::ranges::all_of(seen->name, [](char c) { return c >= ' ' && c <= '~'; }))
      << seen->name;
}

TEST(Sampler, CountersOfInterfacesOnlyRise) {
  mp::Sampler sampler;
  const auto before = sampler.network();
  const auto after = sampler.network();
  for (const auto& [name, counters] : before.interfaces) {
    ASSERT_TRUE(after.interfaces.contains(name));
    EXPECT_GE(after.interfaces.at(name).bytes_recv, counters.bytes_recv);
  }
}

TEST(Sampler, ADiskThatIsNotThereIsAnError) {
  mp::Sampler sampler{{.disks = {"/no/such/folder"}}};
  EXPECT_THROW((void)sampler.system(), mp::FileNotFoundError);
}

void wait_for_ever() { std::this_thread::sleep_for(1h); }

TEST(Sampler, OwnProcessesAreToldInTheOrderOfTheList) {
  mp::Process one{wait_for_ever}, other{wait_for_ever};
  one.start();
  other.start();
  mp::Sampler sampler;
  const std::vector<mp::ProcessHandle> handles{other.handle(), mp::current_process(), one.handle()};
  auto list = sampler.processes(handles);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].pid, *other.pid());
  EXPECT_EQ(list[1].pid, getpid());
  EXPECT_EQ(list[2].pid, *one.pid());
  one.kill();
  one.join();
  list = sampler.processes(handles);
  EXPECT_EQ(list[2].state, mp::ProcessState::ended);
  EXPECT_EQ(list[2].pid, handles[2].pid());
  other.kill();
  other.join();
  EXPECT_THROW((void)sampler.processes({mp::ProcessHandle{}}), mp::ValueError);
}

TEST(Sampler, OwnProcessesKeepTheirFilesOnlyWhileTheyAreAskedFor) {
  mp::Process child{wait_for_ever};
  child.start();
  {
    mp::Sampler sampler;
    (void)sampler.processes({child.handle()});
    EXPECT_TRUE(sampler.processes(std::vector<mp::ProcessHandle>{}).empty());
  }
  child.kill();
  child.join();
}

}  // namespace
