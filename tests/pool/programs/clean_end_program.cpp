// A pool, two processes, a queue and a temporary folder, until a signal comes:
//     clean_end_program FOLDER [plain]
// makes its own folder in that one; `plain`: as it would be without Signals.
#include <signal.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "multiprocessing/base/signals.hpp"
#include "multiprocessing/pool.hpp"
#include "multiprocessing/process.hpp"
#include "multiprocessing/queues.hpp"

namespace mp = multiprocessing;

namespace {

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& in) : path_(in + "/XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::perror("mkdtemp");
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

 private:
  std::string path_;
};

void produce(mp::Queue<int> queue) {
  for (int number = 0;; number = (number + 1) % 1000) queue.put(number);
}

void consume(mp::Queue<int> queue, mp::Queue<int> sums) {
  for (;;) {
    int sum = 0;
    for (int i = 0; i < 1000; ++i) sum += queue.get();
    sums.put(sum);
  }
}

int square(int number) { return number * number; }

}  // namespace

int main(int argc, char** argv) {
  std::optional<mp::Signals> caught;
  if (argc < 3) caught.emplace({SIGINT, SIGTERM}), caught->interrupt_waits();
  std::puts("caught");
  std::fflush(stdout);
  const TemporaryFolder folder{argv[1]};
  mp::Queue<int> numbers(100), sums(10);
  mp::Process producer{produce, numbers};
  mp::Process consumer{consume, numbers, sums};
  producer.start();
  consumer.start();
  mp::Pool pool(2);
  std::vector<int> some(100);
  std::iota(some.begin(), some.end(), 0);
  std::puts("working");
  std::fflush(stdout);
  for (;;) {
    (void)pool.map(square, some);
    (void)sums.get();
  }
}
