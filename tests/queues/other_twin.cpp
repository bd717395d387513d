#include "twins.hpp"

namespace queues_test {
namespace {

struct Message {
  double price;
  long count;
};

}  // namespace

void save_queue_of_other_twins(mp::OutArchive& archive) {
  mp::Queue<Message> queue;
  archive& queue;
}

}  // namespace queues_test
