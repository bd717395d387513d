#include "twins.hpp"

namespace connection_test {
namespace {

struct Message {
  double price;
  long count;
};

}  // namespace

void send_other_twin(const multiprocessing::Connection& to) { to.send(Message{2.5, 3}); }

}  // namespace connection_test
