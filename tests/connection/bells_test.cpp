// The bell of a ring where the kernel has no memory for it.
#include <poll.h>

#include <chrono>
#include <thread>

#include "base/fail_point.hpp"
#include "connection_suite.hpp"
#include "support/refused_sends.hpp"

namespace connection_test {
namespace {

using mp::detail::fail_point_passes;
using test_support::refused_sends;

constexpr int for_good = 1'000'000;

class BellsTest : public testing::TestWithParam<int> {
 protected:
  BellsTest() { test_support::refused_sends_error = GetParam(); }
  ~BellsTest() override {
    refused_sends = 0;
    mp::detail::count_fail_points(false);
  }
};

INSTANTIATE_TEST_SUITE_P(Errors, BellsTest, testing::Values(ENOBUFS, ENOMEM));

bool is_readable(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) == 1;
}

TEST_P(BellsTest, ABellThatCannotBeSentAtFirstIsSentAgain) {
  auto [here, there] = mp::Pipe();
  refused_sends = 3;
  here.send(1);
  EXPECT_EQ(refused_sends, 0);
  EXPECT_TRUE(is_readable(there.fileno()));
  EXPECT_EQ(there.recv<int>(), 1);
}

TEST_P(BellsTest, ABellThatCannotBeSentBeforeTheSealIsSentAgain) {
  auto [here, there] = mp::Pipe();
  refused_sends = for_good;
  here.send(1);
  const int fd = there.fileno();
  EXPECT_FALSE(is_readable(fd));
  refused_sends = 3;
  (void)here.fileno();  // seals
  EXPECT_TRUE(is_readable(fd));
  EXPECT_EQ(there.recv<int>(), 1);
}

TEST_P(BellsTest, MessagesComeInOrderThoughNoBellIsEverSent) {
  auto [here, there] = mp::Pipe();
  refused_sends = for_good;
  here.send(1);
  here.send(2);
  (void)there.fileno();
  here.send(3);  // by the socket
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(there.recv<int>(), i);
}

// It does not sleep until a bell comes when it has found a message that came without one.
TEST_P(BellsTest, AReceiverLooksByItselfWhileBellsAreMissing) {
  auto [here, there] = mp::Pipe();
  refused_sends = for_good;
  const auto receive_when_it_has_looked = [&, &from = there, &to = here] {
    mp::detail::count_fail_points(true);
    std::jthread receiver{[&from] { EXPECT_EQ(from.recv<int>(), 7); }};
    test_support::wait_until([] {
      return fail_point_passes("connection.ring.before_nap") +
                 fail_point_passes("connection.ring.silenced") >=
             3;
    });
    to.send(7);
  };
  receive_when_it_has_looked();
  receive_when_it_has_looked();
  EXPECT_EQ(fail_point_passes("connection.ring.silenced"), 0U);
  refused_sends = 0;
  receive_when_it_has_looked();  // and with it the bell
  receive_when_it_has_looked();
  EXPECT_GT(fail_point_passes("connection.ring.silenced"), 0U);
}

}  // namespace
}  // namespace connection_test
