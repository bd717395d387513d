// A queue sent through a Pipe: each question says on which queue its answer is wanted.
#include <multiprocessing.hpp>

#include <iostream>
#include <string>
#include <utility>

namespace mp = multiprocessing;

// [reply]
using Answers = mp::Queue<std::string>;
using Question = std::pair<std::string, Answers>;

void answer(mp::Connection questions) {
  for (auto& [text, answers] : questions.messages<Question>()) answers.put(text + "? Yes.");
}
// [/reply]

int main() {
  auto [here, there] = mp::Pipe();
  mp::Process child{answer, std::move(there)};
  child.start();
  Answers weather;
  Answers food;
  here.send(Question{"rain", weather});
  here.send(Question{"bread", food});
  here.close();
  child.join();  // the answers stay in their queues
  const std::string of_food = food.get();
  const std::string of_weather = weather.get();
  std::cout << of_weather << ' ' << of_food << '\n';
  return of_weather == "rain? Yes." && of_food == "bread? Yes." ? 0 : 1;
}
