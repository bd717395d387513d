// A Pipe: the child sends back each value, one greater, until the parent closes its end.
#include <multiprocessing.hpp>

#include <iostream>

namespace mp = multiprocessing;

// [pong]
void pong(mp::Connection end) {
  try {
    for (;;) end.send(end.recv<int>() + 1);
  } catch (const mp::EOFError&) {  // the parent has closed its end, or was killed
  }
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
