// Waiting for a shared number to change.
#include <algorithm>
#include <chrono>

#include "base/deadline.hpp"
#include "base/interruption.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/detail/shared_cells.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

// A notify may die with who was about to call it, so waiters look by themselves now and then.
constexpr std::chrono::nanoseconds first_nap = 10ms;
constexpr std::chrono::nanoseconds longest_nap = 1s;

class Sleeper {
 public:
  explicit Sleeper(std::atomic<std::uint32_t>& sleepers) : sleepers_(sleepers) { ++sleepers_; }
  ~Sleeper() { --sleepers_; }
  Sleeper(const Sleeper&) = delete;

 private:
  std::atomic<std::uint32_t>& sleepers_;
};

}  // namespace

bool wait_for_change(ChangeWords& words, Timeout timeout, const std::function<bool()>& changed) {
  if (changed()) return true;
  const Deadline deadline{timeout};
  const Sleeper sleeper{words.sleepers};
  for (std::chrono::nanoseconds nap = first_nap;; nap = std::min(2 * nap, longest_nap)) {
    const std::uint32_t seen = words.changes.load();
    if (changed()) return true;
    if (deadline.passed()) return false;
    futex_wait(words.changes, seen, interruptible(deadline.at_most(nap)));
  }
}

void notify_change(ChangeWords& words, int count) {
  words.changes.fetch_add(1);
  if (words.sleepers.load() != 0) futex_wake(words.changes, count);
}

}  // namespace multiprocessing::detail
