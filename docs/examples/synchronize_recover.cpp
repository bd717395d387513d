// The holder of a lock is killed: the others are told, and one of them mends what it left.
#include <multiprocessing/base.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <signal.h>

#include <iostream>

namespace mp = multiprocessing;

// [recover]
struct Accounts {
  long from;
  long to;
};

void transfer(mp::RawValue<Accounts> accounts, mp::Lock lock) {
  lock.acquire();
  accounts->from -= 10;
  raise(SIGKILL);  // as if the system had run out of memory, half-way
}

int main() {
  mp::RawValue<Accounts> accounts{Accounts{.from = 100, .to = 0}};
  mp::Lock lock;
  mp::Process child{transfer, accounts, lock};
  child.start();
  child.join();
  try {
    lock.acquire();
  } catch (const mp::OwnerDied& death) {
    std::cout << death.what() << '\n';
    lock.recover();                       // the lock is ours,
    accounts->to = 100 - accounts->from;  // and what it protects can be mended
  }
  lock.release();
  return accounts->from + accounts->to == 100 ? 0 : 1;
}
// [/recover]
