// Python original: a picture of five tasks C B D E A that take 3 2 4 5 1 units of time. imap hands
// over the results in the order of the input, imap_unordered as they come; `partial` fixes the
// argument that all tasks share.
// Expected output: C B D E A, then A B C D E
// Checked: both orders. A task ends when its turn has come, so no clock decides.
#include <multiprocessing.hpp>

#include <iostream>
#include <string>
#include <thread>

namespace mp = multiprocessing;

char work(mp::Value<char> turn, char name) {
  while (turn.value() < name) std::this_thread::yield();
  return name;
}

int main() {
  const std::string names = "CBDEA";
  mp::Value<char> turn{'A'};
  mp::Pool pool(5);

  std::string ordered;
  auto results = pool.imap(mp::partial(work, turn), names);
  for (char next : {'B', 'C', 'D', 'E'}) turn.set_value(next);
  for (char name : results) ordered += name;

  turn.set_value('A');
  std::string unordered;
  auto arriving = pool.imap_unordered(mp::partial(work, turn), names);
  for (char next : {'A', 'B', 'C', 'D', 'E'}) {
    turn.set_value(next);
    unordered += arriving.next();
  }

  std::cout << ordered << '\n' << unordered << '\n';
  return ordered == names && unordered == "ABCDE" ? 0 : 1;
}
