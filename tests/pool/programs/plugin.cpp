// A plug-in that uses the library, for a host that does not know it: see plugin_host.cpp.
#include <vector>

#include "multiprocessing/base.hpp"
#include "multiprocessing/connection.hpp"
#include "multiprocessing/pool.hpp"
#include "multiprocessing/queues.hpp"
#include "multiprocessing/synchronize.hpp"

namespace mp = multiprocessing;

extern "C" [[gnu::visibility("default")]] int use(int round) {
  mp::freeze_support();  // a host's main begins without our knowledge
  mp::Lock lock;
  lock.acquire();
  lock.release();
  mp::Queue<int> queue;
  queue.put(round);
  auto [here, there] = mp::Pipe();
  there.send(round);
  mp::Listener listener;
  auto pool = mp::get_context("fork").Pool(2);
  const bool mapped = pool.map([](int x) { return 2 * x; }, std::vector{1, 2}) == std::vector{2, 4};
  return queue.get() == round && here.recv<int>() == round && mapped ? 0 : 1;
}
