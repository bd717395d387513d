// Whole programs that use an executor, by the first argument. None of them guards its main.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string_view>
#include <thread>

#include "multiprocessing/futures.hpp"

namespace mp = multiprocessing;

namespace {

void say(const char* text) {
  // By one write each, so that lines of several processes do not mix.
  if (write(STDOUT_FILENO, text, std::string_view(text).size()) < 0) _exit(9);
}

void say_later(const char* text) {
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  say(text);
}
void apple() { say_later("apple\n"); }

std::optional<mp::ProcessPoolExecutor> global;

void submit_in_an_exit_handler() {
  try {
    (void)global->submit(apple);
    say("submitted\n");
  } catch (const std::exception& error) {
    say("refused\n");
  }
}

/// Other threads submit while the program ends.
void end_amid_submits() {
  global.emplace(2);
  global->submit([] {}).result();  // all workers under fork, before there are threads
  for (int i = 0; i < 2; ++i)
    std::thread([] {
      try {
        for (;;) (void)global->submit([] {});
      } catch (const std::exception&) {
        // the program ends
      }
    }).detach();
  (void)global->submit(apple).result();
}

}  // namespace

int main(int, char** argv) {
  const std::string_view mode = argv[1];
  if (mode == "global") {
    global.emplace(2);
    (void)global->submit(apple);
  } else if (mode == "leaked") {
    (void)(new mp::ProcessPoolExecutor(1))->submit(apple);
  } else if (mode == "handler") {
    std::atexit(submit_in_an_exit_handler);
    global.emplace(1);
    global->submit([] {}).result();
  } else if (mode == "no_wait") {
    mp::ProcessPoolExecutor executor(2);
    for (int i = 0; i < 3; ++i) (void)executor.submit(apple);
    executor.shutdown({.wait = false});
  } else if (mode == "amid") {
    end_amid_submits();
  }
  std::exit(0);
}
