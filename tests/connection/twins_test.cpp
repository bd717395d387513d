// Two types of one name: unnamed namespaces of two source files each have a Message.
#include <string>
#include <string_view>

#include "connection_suite.hpp"
#include "twins.hpp"

namespace connection_test {
namespace {

struct Message {
  long count;
  double price;
};

void send_both(mp::Connection to) {
  send_other_twin(to);
  send_twin(to);
}

void expect_refusal(const mp::Connection& from) {
  try {
    (void)from.recv<Message>();
    ADD_FAILURE() << "bytes of one type were read as another";
  } catch (const mp::SerializationError& error) {
    const std::string_view text = error.what();
    const auto sent = text.find("another connection_test::(anonymous namespace)::Message");
    const auto wanted = text.rfind("a connection_test::(anonymous namespace)::Message was to be");
    EXPECT_NE(sent, std::string_view::npos) << text;
    EXPECT_NE(wanted, std::string_view::npos) << text;
  }
}

TEST_P(ProcessesTest, AMessageOfATypeOfTheSameNameInAnotherFileIsRefused) {
  auto [here, there] = mp::Pipe();
  mp::Process child{send_both, std::move(there)};
  child.start();
  expect_refusal(here);
  const Message right = here.recv<Message>();
  EXPECT_EQ(right.count, 3);
  EXPECT_EQ(right.price, 2.5);
  expect_good_end(child);
}

}  // namespace

void send_twin(const mp::Connection& to) { to.send(Message{3, 2.5}); }

}  // namespace connection_test
