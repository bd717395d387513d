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
}
// [/methods]
