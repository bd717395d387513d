// A Pipe: the child sends back each value, one greater, until the parent closes its end.
#include <multiprocessing.hpp>

#include <iostream>

namespace mp = multiprocessing;

// [pong]
void pong(mp::Connection end) {
  for (int value : end.messages<int>()) end.send(value + 1);  // until the parent closes, or dies
}

int ping() {
  auto [here, there] = mp::Pipe();
  mp::Process child{pong, std::move(there)};  // moved, so the end is the child's alone
  child.start();
  int value = 0;
  while (value < 10) {
    here.send(value);
    value = here.recv<int>();
  }
  here.close();
  child.join();
  return value;
}
// [/pong]

int main() {
  const int value = ping();
  std::cout << "after ten rounds: " << value << '\n';
  return value == 10 ? 0 : 1;
}
