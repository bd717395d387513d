// What goes on when a result is there, without a thread that waits for it.
#include <multiprocessing/futures.hpp>

#include <iostream>
#include <string>

namespace mp = multiprocessing;

// [then]
std::string load(int page) { return "page " + std::to_string(page); }
std::size_t count(const std::string& text) { return text.size(); }

int main() {
  mp::ProcessPoolExecutor executor(2);
  const auto text = executor.submit(load, 7);
  text.add_done_callback([](const auto& done) { std::cout << to_string(done) << '\n'; });

  const mp::Future<std::size_t> size = text.then_submit(executor, count);             // in a worker
  const mp::Future<bool> is_short = size.then([](std::size_t n) { return n < 10; });  // here
  const auto all = mp::when_all(text, size, is_short);
  const auto& [loaded, counted, found_short] = all.result();
  return loaded == "page 7" && counted == 6 && found_short ? 0 : 1;
}
// [/then]
