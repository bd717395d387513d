#include "connection_suite.hpp"

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

FOR_EVERY_START_METHOD(ProcessesTest);

}  // namespace connection_test
