// Two processes move money at the same time: without a lock some of it is lost.
#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <iostream>
#include <mutex>
#include <thread>

namespace mp = multiprocessing;

// [race]
void deposit(mp::RawValue<long> balance, int times) {
  for (int i = 0; i < times; ++i) {
    const long seen = balance.value();
    std::this_thread::yield();  // the other one has its turn, as it may at any time
    balance.set_value(seen + 1);
  }
}

void deposit_safely(mp::RawValue<long> balance, mp::Lock lock, int times) {
  for (int i = 0; i < times; ++i) {
    std::scoped_lock guard{lock};
    const long seen = balance.value();
    std::this_thread::yield();
    balance.set_value(seen + 1);
  }
}
// [/race]

int main() {
  constexpr int times = 20'000;
  mp::RawValue<long> lost{0};
  mp::Process a{deposit, lost, times};
  mp::Process b{deposit, lost, times};
  mp::RawValue<long> kept{0};
  mp::Lock lock;
  mp::Process c{deposit_safely, kept, lock, times};
  mp::Process d{deposit_safely, kept, lock, times};
  for (mp::Process* process : {&a, &b, &c, &d}) process->start();
  for (mp::Process* process : {&a, &b, &c, &d}) process->join();
  std::cout << "without a lock " << lost.value() << ", with one " << kept.value() << '\n';
  return kept.value() == 2 * times && lost.value() <= 2 * times ? 0 : 1;
}
