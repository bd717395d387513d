// A program with a lock and a queue, to be run by a tool that looks at all of its memory.
#include <cstdio>

#include "multiprocessing/queues.hpp"
#include "multiprocessing/synchronize.hpp"

namespace mp = multiprocessing;

int main() {
  const mp::Lock lock;
  lock.acquire();
  lock.release();
  const mp::Queue<int> queue;
  queue.put(1);
  std::printf("got %d\n", queue.get());
}
