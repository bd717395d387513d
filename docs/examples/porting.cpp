// What Python programs do in ways of their own, and the same here: the page "Porting from Python".
#include <multiprocessing.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// [globals]
int limit = 0;  // main assigns 7: a child of the default method has 0, and nothing tells

void see_global(mp::Queue<int> seen) { seen.put(limit); }

void see_argument(mp::Queue<int> seen, int its_limit) { seen.put(its_limit); }

void see_shared(mp::Queue<int> seen, mp::Value<int> shared_limit) {
  seen.put(shared_limit.value());
}
// [/globals]

template <class F, class... A>
int seen_by_child(F function, A... arguments) {
  mp::Queue<int> seen;
  mp::Process child{function, seen, arguments...};
  child.start();
  child.join();
  return seen.get();
}

bool globals_are_not_seen() {
  limit = 7;
  const int by_fork = mp::get_start_method() == "fork" ? 7 : 0;
  mp::Value<int> shared{7};
  return seen_by_child(see_global) == by_fork && seen_by_child(see_argument, limit) == 7 &&
         seen_by_child(see_shared, shared) == 7;
}

// [method]
struct Model {
  int factor = 1;
  std::vector<int> weights;  // an aggregate travels as it is; a class has a member `serialize`

  void fit(mp::Queue<int> fitted, int times) const { fitted.put(factor * times); }
};

int by_a_method() {
  Model model{.factor = 6, .weights = {1, 2}};
  mp::Queue<int> fitted;
  mp::Process child{&Model::fit, model, fitted, 7};  // Process(target=self.fit, args=(fitted, 7))
  child.start();                                     // the child has a copy of the model
  child.join();
  return fitted.get();
}
// [/method]

// [kwargs]
struct Settings {
  std::string host = "localhost";
  int port = 80;
};

void serve(Settings settings, mp::Queue<std::string> log) {
  log.put(settings.host + ':' + std::to_string(settings.port));
}

std::string by_keywords() {
  mp::Queue<std::string> log;
  mp::Process child{serve, Settings{.port = 8080}, log};  // kwargs={"port": 8080}
  child.start();
  child.join();
  return log.get();
}
// [/kwargs]

// [answer]
void divide(mp::Connection answer, int a, int b) {
  if (b == 0) throw std::domain_error{"division by zero"};  // exit code 1, and on standard error
  answer.send(a / b);
}

std::optional<int> quotient(int a, int b) {
  auto [hear, tell] = mp::Pipe({.duplex = false});
  mp::Process child{divide, std::move(tell), a, b};  // moved: the child alone has that end
  child.start();
  std::optional<int> answer;
  for (int each : hear.messages<int>()) answer = each;  // ends with the child, however it ends
  child.join();
  return answer;
}
// [/answer]

// [exception]
int divided(std::pair<int, int> numbers) {
  if (numbers.second == 0) throw std::domain_error{"division by zero"};
  return numbers.first / numbers.second;
}

bool exception_arrives() {
  mp::Pool pool(1);
  try {
    pool.map(divided, std::vector{std::pair{6, 2}, std::pair{1, 0}});
  } catch (const std::domain_error& error) {  // the type that was thrown
    return error.what() == std::string{"division by zero"};
  }
  return false;
}
// [/exception]

// [timeouts]
bool everything_takes_a_timeout() {
  mp::Queue<int> queue;
  const bool none = !queue.try_get(10ms);  // or get(10ms), which throws Empty
  auto [here, there] = mp::Pipe();
  const bool silent = !here.poll(10ms) && !here.try_recv<int>(10ms);
  mp::Process sleeper{[] { std::this_thread::sleep_for(10min); }};
  sleeper.start();
  const bool runs = !sleeper.join(10ms);  // says whether it ended
  sleeper.terminate();
  sleeper.join();
  return none && silent && runs && sleeper.exitcode() == -SIGTERM;
}
// [/timeouts]

int main() {
  const bool right = globals_are_not_seen() && by_a_method() == 42 &&
                     by_keywords() == "localhost:8080" && quotient(6, 2) == 3 && !quotient(1, 0) &&
                     exception_arrives() && everything_takes_a_timeout();
  std::cout << (right ? "all as the page says\n" : "not as the page says\n");
  return right ? 0 : 1;
}
