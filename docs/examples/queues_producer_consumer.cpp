// A producer, a consumer, and the nothing that ends it.
// [all]
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include <iostream>
#include <optional>
#include <string>

namespace mp = multiprocessing;
using Lines = mp::Queue<std::optional<std::string>>;

void produce(Lines queue, int count) {
  for (int i = 1; i <= count; ++i) queue.put("item " + std::to_string(i));
}

void consume(Lines queue, mp::Queue<int> counts) {
  int count = 0;
  while (auto line = queue.get()) {  // until std::nullopt, Python's None
    std::cout << *line << '\n';
    ++count;
  }
  counts.put(count);
}

int main() {
  Lines queue;
  mp::Queue<int> counts;
  mp::Process producer{produce, queue, 5};
  mp::Process consumer{consume, queue, counts};
  producer.start();
  consumer.start();
  producer.join();  // what it put stays, whether it has been read or not
  queue.put(std::nullopt);
  consumer.join();
  return counts.get() == 5 ? 0 : 1;
}
// [/all]
