// A dictionary that processes fill together, and that outlives the one of them that is killed.
#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes/shared_map.hpp>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

namespace mp = multiprocessing;

// [words]
using Words = mp::SharedMap<std::string, int>;

void count(Words words, std::vector<std::string> text) {
  for (const auto& word : text) words.change(word, [](int& times) { ++times; });
}

void die_in_the_middle(Words words) {
  const auto all = words.access();
  std::raise(SIGKILL);
}

int main() {
  const Words words;
  mp::Process first{count, words, std::vector<std::string>{"a", "rose", "is", "a", "rose"}};
  mp::Process second{die_in_the_middle, words};
  first.start();
  first.join();
  second.start();
  second.join();

  try {
    words.set("rose", 0);
  } catch (const mp::OwnerDied& error) {
    std::cout << error.what() << '\n';
    const auto all = words.recover();  // holds the lock; or words.drop(), to begin anew
    if (!all.sound()) std::cout << "it may be half changed\n";
  }
  for (const auto& [word, times] : words.copy()) std::cout << word << ' ' << times << '\n';
  return words.at("rose") == 2 ? 0 : 1;
}
// [/words]
