// A process class of one's own, started by each method.
#include <multiprocessing/process.hpp>

#include <iostream>
#include <string>

namespace mp = multiprocessing;

// [class]
class Adder : public mp::ProcessOf<Adder> {
 public:
  Adder() = default;  // the child makes one, and fills it by serialize
  Adder(int a, int b) : a_(a), b_(b) {}

  void run() override { throw mp::Exit{a_ + b_}; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a_& b_;
  }

 private:
  int a_ = 0, b_ = 0;
};
// [/class]

// [named]
class Clock : public mp::ProcessOf<Clock> {
 public:
  Clock() : mp::ProcessOf<Clock>({.name = "clock", .daemon = true}) {}
  void run() override {}

  template <class Archive>
  void serialize(Archive&, unsigned) {}
};

bool has_name_and_daemon() {
  Clock clock;
  const bool as_made = clock.name() == "clock" && clock.daemon();
  clock.set_name("another");
  clock.set_daemon(false);
  return as_made && clock.name() == "another" && !clock.daemon();
}
// [/named]

// [methods]
int main() {
  for (std::string method : mp::get_all_start_methods()) {
    mp::set_start_method(method, {.force = true});
    Adder adder{3, 4};
    adder.start();
    adder.join();
    std::cout << to_string(adder) << '\n';
    if (adder.exitcode() != 7) return 1;
  }
  return has_name_and_daemon() ? 0 : 1;
}
// [/methods]
