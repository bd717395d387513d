// Ends of pipes as messages where something runs out: descriptors, room in a message, time.
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "ends.hpp"
#include "process/fork_server_client.hpp"

namespace queues_test {
namespace {

/// While alive, the process may open no more than the lowest few numbers that are free now.
class FewDescriptors {
 public:
  FewDescriptors(pid_t pid, int few) : pid_(pid) {
    prlimit(pid, RLIMIT_NOFILE, nullptr, &before_);
    const std::set<int> taken = descriptors_of(pid);
    rlimit now = before_;
    now.rlim_cur = 0;
    for (; few > 0; ++now.rlim_cur)
      if (!taken.contains(static_cast<int>(now.rlim_cur))) --few;
    prlimit(pid, RLIMIT_NOFILE, &now, nullptr);
  }
  ~FewDescriptors() { prlimit(pid_, RLIMIT_NOFILE, &before_, nullptr); }
  FewDescriptors(const FewDescriptors&) = delete;

 private:
  pid_t pid_;
  rlimit before_{};
};

template <class Call>
void expect_too_many(Call call) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const mp::OSError& error) {
    EXPECT_EQ(error.code().value(), EMFILE) << error.what();
  }
}

TEST(EndsLimitsTest, WithoutRoomForDescriptorsSendersReceiversAndKeeperSaySo) {
  const Ends queue;
  pass_one(queue);
  for (int few = 0; few < 3; ++few) {  // it takes three, two for the answer and one to ask
    auto [here, there] = mp::Pipe();
    const FewDescriptors limit{getpid(), few};
    expect_too_many([&, &end = there] { queue.put(end); });
  }
  for (int few = 0; few < 3; ++few) {
    auto [here, there] = mp::Pipe();
    give(queue, std::move(there));
    const FewDescriptors limit{getpid(), few};
    expect_too_many([&] { (void)queue.get(); });
  }
  {
    const FewDescriptors limit{keeper_pid(), 3};
    auto [here, there] = mp::Pipe();
    expect_too_many([&, &end = there] {
      for (int i = 0; i < 2000; ++i) queue.put(end);
    });
    while (!queue.empty()) (void)queue.get();
  }
  pass_one(queue);
}

TEST(EndsLimitsTest, AKeeperThatCanOpenNothingMoreIsNotTakenForDead) {
  const Ends queue;
  pass_one(queue);
  const pid_t keeper = keeper_pid();
  auto [here, there] = mp::Pipe();
  queue.put(there);
  {
    const FewDescriptors limit{keeper, 0};
    expect_too_many([&, &end = there] { queue.put(end); });
    expect_too_many([&] { (void)queue.get(); });
  }
  pass_one(queue);
  EXPECT_EQ(keeper_pid(), keeper);
  wait_until([] { return kept_tickets() == 0; });  // of what that get has lost
}

TEST(EndsLimitsTest, MoreEndsThanAMessageCarriesAreAClearError) {
  const mp::Queue<std::vector<Connection>> queue;
  std::vector<Connection> ends;
  for (int i = 0; i < 127; ++i) {
    auto [here, there] = mp::Pipe();
    ends.push_back(std::move(here));
    ends.push_back(std::move(there));
  }
  EXPECT_THROW(queue.put(ends), mp::ValueError);
  ends.resize(252);
  queue.put(ends);
  EXPECT_EQ(queue.get().size(), 252U);
}

// Of any process: the fork server is no child that this one may wait for.
void wait_until_stopped(pid_t process) {
  for (char state = 0; state != 'T'; sched_yield()) {
    std::ifstream stat{"/proc/" + std::to_string(process) + "/stat"};
    std::string text;
    ASSERT_TRUE(std::getline(stat, text));
    state = text.at(text.rfind(')') + 2);
  }
}

void expect_no_time(const Ends& queue) {
  auto [here, there] = mp::Pipe();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THROW(queue.put(there, 20ms), mp::Full);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  there.close();
  expect_end_of_file(here);
}

TEST(EndsLimitsTest, ATimeoutCoversTheStartOfTheKeeper) {
  const Ends queue;
  if (const pid_t pid = keeper_pid(); pid != 0) kill(pid, SIGKILL);
  mp::detail::stop_fork_server();
  mp::set_forkserver_preload([] { raise(SIGSTOP); });
  do {
    expect_no_time(queue);  // at first perhaps for the death of the one that was killed
  } while (mp::detail::fork_server_pid() == 0);
  mp::set_forkserver_preload(nullptr);
  wait_until_stopped(mp::detail::fork_server_pid());
  expect_no_time(queue);
  kill(mp::detail::fork_server_pid(), SIGCONT);
  pass_one(queue);
}

int number_in(const char* file) {
  int number = 0;
  std::ifstream{file} >> number;
  return number;
}

TEST(EndsLimitsTest, ATimeoutCoversTheAnswerOfTheKeeper) {
  const Ends queue;
  pass_one(queue);
  auto [here, there] = mp::Pipe();
  const pid_t keeper = keeper_pid();
  kill(keeper, SIGSTOP);
  const int more_than_its_queue_holds = 1 + number_in("/proc/sys/net/unix/max_dgram_qlen");
  for (int i = 0; i <= std::min(more_than_its_queue_holds, 100); ++i)
    EXPECT_FALSE(queue.try_put(there, 2ms));
  kill(keeper, SIGCONT);
  there.close();
  expect_end_of_file(here);  // it keeps nothing that has come to it too late
  pass_one(queue);
  EXPECT_EQ(keeper_pid(), keeper);
}

TEST(EndsLimitsTest, AnEndThatWasClosedIsNotSent) {
  const Ends queue;
  auto [here, there] = mp::Pipe();
  there.close();
  EXPECT_THROW(queue.put(there), mp::OSError);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace queues_test
