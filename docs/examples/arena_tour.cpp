// A container that several processes use, and what that costs in shared memory.
#include <sys/wait.h>
#include <unistd.h>

#include <boost/container/vector.hpp>
#include <cstdio>
#include <new>

#include "multiprocessing/arena.hpp"

namespace mp = multiprocessing;

// [container]
using Numbers = boost::container::vector<int, mp::ArenaAllocator<int>>;

// An object in the arena that begins empty, and whose elements are its own.
mp::detail::Handle make_numbers() {
  auto object = mp::detail::Handle::make(sizeof(Numbers));
  new (object.body()) Numbers{mp::ArenaAllocator<int>{object}};
  return object;
}
// [/container]

int main() {
  auto object = make_numbers();
  // [share]
  const pid_t child = fork();  // holds the object from its first instruction on
  if (child == 0) {
    for (int i = 0; i < 1000; ++i) object.as<Numbers>()->push_back(i * i);
    _exit(0);  // without a destructor, as if it had been killed
  }
  waitpid(child, nullptr, 0);
  std::printf("the child's last number: %d\n", object.as<Numbers>()->back());

  object = {};        // the last handle here
  mp::arena_sweep();  // and what the child held is given back
  std::printf("%lu objects left\n", static_cast<unsigned long>(mp::arena_usage().objects));
  // [/share]
  return mp::arena_usage().blocks == 0 ? 0 : 1;
}
