#include "connection_suite.hpp"

#include "support/leak_listener.hpp"

namespace connection_test {

void expect_good_end(mp::Process& child) {
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

void kill_and_join(mp::Process& child) {
  child.kill();
  child.join();
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

INSTANTIATE_TEST_SUITE_P(EveryStartMethod, ProcessesTest,
                         testing::ValuesIn(test_support::every_start_method),
                         test_support::NamedByParameter{});

namespace {

// The arena and the fork server are made once and stay.
[[maybe_unused]] const bool warm = test_support::leak_listener::warm_up([] {
  for (const char* method : {"fork", "spawn", "forkserver"}) {
    auto process = mp::get_context(method).Process([] {});
    process.start();
    process.join();
  }
});

}  // namespace
}  // namespace connection_test
