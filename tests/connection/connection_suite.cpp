#include "connection_suite.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "support/processes.hpp"

namespace connection_test {

void expect_good_end(mp::Process& child) {
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

void kill_and_join(mp::Process& child) {
  child.kill();
  child.join();
}

void wait_until_asleep(pid_t child) {
  test_support::wait_until([child] {
    return std::ranges::any_of(test_support::descendants_of(getpid()), [child](const auto& one) {
      return one.pid == child && one.state == 'S';
    });
  });
}

void wait_until_stopped(pid_t child) {
  siginfo_t info{};
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOWAIT), 0);
}

namespace entry {

void echo(mp::Connection connection) {
  for (mp::Bytes message = connection.recv_bytes(); !message.empty();
       message = connection.recv_bytes())
    connection.send_bytes(message);
}

void hold(mp::Connection connection) {
  connection.send(0);
  try {
    (void)connection.recv<int>();
  } catch (const mp::EOFError&) {
  }
}

}  // namespace entry

FOR_EVERY_START_METHOD(ProcessesTest);

}  // namespace connection_test
