// A container that several processes use, and what that costs in shared memory.
#include <cstdio>

#include "multiprocessing/arena.hpp"
#include "multiprocessing/process.hpp"
#include "multiprocessing/sharedctypes/shared_vector.hpp"

namespace mp = multiprocessing;

// [fill]
void fill(const mp::SharedVector<int>& numbers) {
  for (int i = 0; i < 1000; ++i) numbers.push_back(i * i);
}
// [/fill]

int main() {
  // [share]
  const auto before = mp::arena_usage();
  {
    mp::SharedVector<int> numbers;  // lies in the arena, and so do its elements
    mp::Process child{fill, numbers};
    child.start();
    child.join();
    std::printf("the child's last number: %d\n", numbers.at(-1));
  }
  mp::arena_sweep();  // gives back what dead processes held
  const auto after = mp::arena_usage();
  std::printf("%ld objects more\n", static_cast<long>(after.objects - before.objects));
  // [/share]
  return after.objects == before.objects ? 0 : 1;
}
