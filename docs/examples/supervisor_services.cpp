// A store and its readers, kept running: a reader that crashes comes back.
#include <multiprocessing/queues.hpp>
#include <multiprocessing/supervisor.hpp>
#include <multiprocessing/synchronize.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// [children]
void keep_store(mp::Queue<std::string> requests, mp::Queue<std::string> answers) {
  mp::ready();  // the readers may start
  while (!mp::stop_requested())
    if (const auto request = requests.try_get(100ms)) answers.put("found " + *request);
}

void read_store(mp::Queue<std::string> requests, mp::Semaphore crashes) {
  if (crashes.acquire(false)) raise(SIGSEGV);  // once
  requests.put("a page");
  while (!mp::stop_requested()) std::this_thread::sleep_for(10ms);
}
// [/children]

// [supervise]
int main() {
  mp::Queue<std::string> requests, answers;
  mp::Semaphore crashes{1};
  mp::Supervisor services{{.strategy = mp::Strategy::rest_for_one}};
  services.on_event([](const mp::SupervisorEvent& event) {
    if (event.what == mp::ChildEvent::restarted) std::cout << event.name << " is back\n";
  });
  services.add({.name = "store", .ready_within = 10s, .stop_within = 3s}, keep_store, requests,
               answers);
  services.add({.name = "reader"}, read_store, requests, crashes);
  services.start();
  std::cout << answers.get() << '\n';  // services.run() would supervise in this thread
  for (const auto& stopped : services.stop().entries) std::cout << stopped.name << " stopped\n";
}
// [/supervise]
