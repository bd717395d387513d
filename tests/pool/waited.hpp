// Waits of every kind, for tests of what ends them.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "multiprocessing/synchronize.hpp"
#include "pool_suite.hpp"

namespace pool_test {

/// Something to wait for: the wait that does not end, and whether all is as it should be when a
/// signal has ended it.
class Waited {
 public:
  virtual ~Waited() = default;
  virtual void wait() = 0;
  [[nodiscard]] virtual bool works() = 0;
};

/// Another thread that does something until the end of the scope.
class Meanwhile {
 public:
  explicit Meanwhile(std::function<void()> body) : thread_(std::move(body)) {}
  ~Meanwhile() { thread_.join(); }
  Meanwhile(const Meanwhile&) = delete;
  Meanwhile& operator=(const Meanwhile&) = delete;

 private:
  std::thread thread_;
};

struct WaitKind {
  const char* name;
  std::unique_ptr<Waited> (*make)();
};

template <class T>
std::unique_ptr<Waited> make_waited() {
  return std::make_unique<T>();
}

[[nodiscard]] std::vector<WaitKind> waits_for_objects();
[[nodiscard]] std::vector<WaitKind> waits_for_connections();

void wait_at(mp::Event event);

}  // namespace pool_test
