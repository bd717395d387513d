#include "multiprocessing/connection/wait.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>

#include "base/deadline.hpp"
#include "base/waiting.hpp"
#include "connection/core.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing {
namespace detail {
namespace {

using namespace std::chrono_literals;

// Between two looks for a message of a sender that was killed before it could ring.
constexpr std::chrono::nanoseconds first_sleep = 100ms;
constexpr std::chrono::nanoseconds longest_sleep = 1s;

void refuse_twice(std::vector<int> descriptors) {
  std::ranges::sort(descriptors);
  const auto twice = std::ranges::adjacent_find(descriptors);
  if (twice != descriptors.end())
    throw KeyError("descriptor " + std::to_string(*twice) + " stands twice in what to wait for");
}

}  // namespace

/// What the rings of connections hold now, of which their descriptors may not tell.
class RingsOf {
 public:
  explicit RingsOf(std::span<const Waitable> objects) {
    for (std::size_t index = 0; index < objects.size(); ++index) {
      const auto connection = objects[index].connection_.lock();
      if (connection == nullptr) continue;
      const Unrung unrung = connection->unrung();
      if (unrung == Unrung::message) messages_.push_back(index);
      if (unrung == Unrung::may_come) may_come_ = true;
    }
  }

  [[nodiscard]] bool may_come() const { return may_come_; }

  /// When to look again.
  [[nodiscard]] Deadline next_look(const Deadline& deadline, std::chrono::nanoseconds sleep) const {
    if (!messages_.empty()) return Deadline{0ns};
    return may_come_ ? deadline.at_most(sleep) : deadline;
  }

  [[nodiscard]] std::vector<std::size_t> and_those(const std::vector<std::size_t>& readable) const {
    std::vector<std::size_t> all;
    std::ranges::set_union(messages_, readable, std::back_inserter(all));
    return all;
  }

 private:
  std::vector<std::size_t> messages_;  // where there are some, in order
  bool may_come_ = false;
};

std::vector<std::size_t> wait_for(std::span<const Waitable> objects, Timeout timeout) {
  if (objects.empty() && timeout.is_forever())
    throw ValueError("wait() was given nothing to wait for, and no timeout");
  std::vector<int> descriptors;
  for (const Waitable& object : objects) descriptors.push_back(object.fileno());
  refuse_twice(descriptors);
  const Deadline deadline{timeout};
  for (auto sleep = first_sleep;; sleep = std::min(2 * sleep, longest_sleep)) {
    const bool is_last = deadline.passed();
    const RingsOf rings{objects};
    const Deadline next_look = rings.next_look(deadline, sleep);
    auto ready = rings.and_those(wait_any(descriptors, next_look));
    if (!ready.empty() || is_last) return ready;
    if (deadline.passed() && !rings.may_come()) return ready;
  }
}

}  // namespace detail

Waitable::Waitable(const Connection& connection)
    : descriptor_(connection.fileno()),
      connection_(detail::ConnectionAccess::core(connection).weak_from_this()) {}

}  // namespace multiprocessing
