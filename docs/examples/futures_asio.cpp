// An event loop of Boost.Asio that goes on while workers compute. Needs a compiler with the
// coroutines of C++20, which clang 14 is not.
#include <multiprocessing/asio.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <iostream>
#include <thread>

namespace mp = multiprocessing;
namespace asio = boost::asio;
using namespace std::chrono_literals;

// [asio]
int slow_square(int number) {
  if (number > 99) std::this_thread::sleep_for(1h);
  return number * number;
}

asio::awaitable<void> answer(mp::ProcessPoolExecutor& executor, int number, int& answers) {
  try {
    const int square = co_await mp::async_submit(executor, {.timeout = 1s}, slow_square, number);
    std::cout << number << " squared is " << square << '\n';
  } catch (const mp::TimeoutError& error) {
    std::cout << error.what() << '\n';  // its worker has been replaced
  }
  ++answers;
}

int main() {
  mp::ProcessPoolExecutor executor(2);
  asio::io_context loop;
  int answers = 0;
  for (int number : {7, 100, 12})
    asio::co_spawn(loop, answer(executor, number, answers), asio::detached);
  loop.run();  // serves sockets and timers meanwhile
  return answers == 3 ? 0 : 1;
}
// [/asio]
