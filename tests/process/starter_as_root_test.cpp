// The same with what root may change: users, groups, capabilities, namespaces.
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <span>
#include <thread>

#include "process/descriptor_message.hpp"
#include "process/fork_server_client.hpp"
#include "starter_suite.hpp"

namespace process_test {
namespace {

using namespace mp::detail;

constexpr uid_t other = 65534;

/// What root alone may do. Another user must be able to execute this program.
class StarterAsRootTest : public test_support::EveryMethodTest {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "needs root, to become another user";
    const int code = run_in_child([] {
      require(setresuid(other, other, other) == 0, "setresuid");
      if (access(std::filesystem::read_symlink("/proc/self/exe").c_str(), X_OK) != 0)
        throw mp::Exit{77};
    });
    if (code == 77) GTEST_SKIP() << "needs a program that other users may execute";
  }
};
FOR_EVERY_START_METHOD(StarterAsRootTest);

void become_another() {
  const gid_t groups[] = {other, 1};
  require(setgroups(2, groups) == 0, "setgroups");
  require(setresgid(other, other, other) == 0, "setresgid");
  require(setresuid(other, other, other) == 0, "setresuid");
}

void drop_everything() {
  change_settings();
  for (const int capability : {CAP_SYS_MODULE, CAP_SYS_PTRACE, CAP_NET_RAW})
    require(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0, "PR_CAPBSET_DROP");
  become_another();
  require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
}

TEST_P(StarterAsRootTest, HandsOnDroppedRights) {
  EXPECT_EQ(exitcode_when(drop_everything, children_asked_for()), 0);
}

TEST_P(StarterAsRootTest, HandsOnOtherGroups) {
  EXPECT_EQ(exitcode_when([] {
              const gid_t groups[] = {1, 2, 3};
              require(setgroups(3, groups) == 0, "setgroups");
            }),
            0);
}

struct Capabilities {
  __user_cap_data_struct half[2];
};

Capabilities capabilities() {
  Capabilities own{};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  require(syscall(SYS_capget, &header, own.half) == 0, "capget");
  return own;
}

void set(const Capabilities& own) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  require(syscall(SYS_capset, &header, own.half) == 0, "capset");
}

void keep_one_capability() {
  Capabilities own = capabilities();
  own.half[0] = {0, 1U << CAP_NET_BIND_SERVICE, 0};
  own.half[1] = {};
  own.half[0].effective = own.half[0].permitted;
  set(own);
}

// A program that root executes has all capabilities again.
TEST_P(StarterAsRootTest, HandsOnFewerCapabilitiesOfRoot) {
  EXPECT_EQ(exitcode_when(keep_one_capability), 0);
}

TEST_P(StarterAsRootTest, HandsOnCapabilitiesThatAreNotInEffect) {
  EXPECT_EQ(exitcode_when([] {
              Capabilities own = capabilities();
              own.half[0].effective = 0;
              own.half[0].inheritable = 1U << CAP_NET_RAW;
              set(own);
            }),
            0);
}

// A program that another user executes has none.
TEST_P(StarterAsRootTest, HandsOnACapabilityThatAnotherUserKeeps) {
  EXPECT_EQ(exitcode_when([] {
              require(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "PR_SET_KEEPCAPS");
              become_another();
              keep_one_capability();
            }),
            0);
}

TEST_P(StarterAsRootTest, HandsOnAmbientCapabilities) {
  EXPECT_EQ(exitcode_when([] {
              Capabilities own = capabilities();
              own.half[0].inheritable = 1U << CAP_NET_RAW | 1U << CAP_KILL;
              set(own);
              for (const int each : {CAP_NET_RAW, CAP_KILL})
                require(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each, 0, 0) == 0, "ambient");
              require(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) == 0, "securebits");
            }),
            0);
}

// Executing a program forgets the saved user.
TEST_P(StarterAsRootTest, HandsOnUsersToComeBackTo) {
  EXPECT_EQ(exitcode_when([] { require(seteuid(other) == 0, "seteuid"); }), 0);
  EXPECT_EQ(exitcode_when([] { require(setresuid(other, other, 0) == 0, "setresuid"); }), 0);
  EXPECT_EQ(exitcode_when([] { require(setresgid(other, 1, 0) == 0, "setresgid"); }), 0);
}

// Where the fork server would have to be allowed what it is not, another is made.
TEST_P(StarterAsRootTest, HandsOnWhatItRaisedAgain) {
  const auto target = [] {
    stop_fork_server();
    require(setpriority(PRIO_PROCESS, 0, 9) == 0, "setpriority");
    const auto change = [] {
      require(setpriority(PRIO_PROCESS, 0, 1) == 0, "setpriority");
      const sched_param lowest{1};
      require(sched_setscheduler(0, SCHED_RR, &lowest) == 0, "sched_setscheduler");
    };
    throw mp::Exit{before_and_after(change, 3)};
  };
  EXPECT_EQ(run_in_child(target), 0);
}

TEST_P(StarterAsRootTest, HandsOnItsNamespaces) {
  EXPECT_EQ(exitcode_when([] {
              require(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET) == 0,
                      "unshare");
            }),
            0);
}

// Threads have their own rights where system calls are made past the C library.
TEST_P(StarterAsRootTest, HandsOnTheRightsOfTheThreadThatStarts) {
  const auto target = [] {
    int strangers = strangers_among(1);
    std::thread{[&] {
      require(syscall(SYS_setresuid, other, other, other) == 0, "setresuid");
      strangers += strangers_among(2);
    }}.join();
    throw mp::Exit{strangers + strangers_among(1)};
  };
  EXPECT_EQ(run_in_child(target), 0);
}

bool is_fork_server(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

bool is_answered(int server, const mp::Bytes& key) {
  ForkRequest request{};
  std::memcpy(request.key, key.data(), key_size);
  auto [ours, its] = make_channel();
  const int given = its.get();
  require(send_message(server, std::as_bytes(std::span{&request, 1}), {&given, 1}), "send_message");
  its.reset();
  ForkAnswer answer{};
  const Message message =
      receive_message(ours.get(), std::as_writable_bytes(std::span{&answer, 1}));
  return message.size == sizeof answer && answer.result == ForkAnswer::made;
}

// What breaks into a program that is another user now has the socket to the server of before.
TEST_P(StarterAsRootTest, GetsNoAnswerFromTheServerOfAnotherUser) {
  const auto target = [] {
    mp::set_start_method("forkserver", {.force = true});
    const mp::Bytes key = fork_server_key();
    int server = 0;
    for (const int fd : open_descriptors())
      if (is_fork_server(fd)) server = fd;
    if (!is_answered(server, key)) throw mp::Exit{2};
    become_another();
    if (is_answered(server, key)) throw mp::Exit{3};
  };
  EXPECT_EQ(run_in_child(target), 0);
}

}  // namespace
}  // namespace process_test
