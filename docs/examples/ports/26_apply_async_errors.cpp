// Python original: five greetings given to a pool one by one; the task for Bill raises. Nobody
// notices until a result is asked for, and the other tasks are not touched.
// Expected output: John, Ben, Name Error : Bill, Alex, Jenny
// Checked: four results, one error of its own type with its own text, in that order.
#include <multiprocessing.hpp>

#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace mp = multiprocessing;

std::string say_hello_to(std::string name) {
  if (name == "Bill") throw mp::ValueError("Name Error : " + name);
  return name;
}

int main() {
  mp::Pool pool(4);
  std::vector<mp::AsyncResult<std::string>> tasks;
  for (std::string name : {"John", "Ben", "Bill", "Alex", "Jenny"})
    tasks.push_back(pool.apply_async(say_hello_to, name));
  pool.close();
  pool.join();  // nothing is thrown here

  std::string seen;
  for (auto& task : tasks) {
    try {
      seen += task.get() + "\n";
    } catch (const mp::ValueError& error) {
      seen += error.what() + std::string("\n");
    }
  }
  std::cout << seen;
  return seen == "John\nBen\nName Error : Bill\nAlex\nJenny\n" && !tasks[2].successful() ? 0 : 1;
}
