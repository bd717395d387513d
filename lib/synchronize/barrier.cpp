#include "multiprocessing/synchronize/barrier.hpp"

#include <atomic>
#include <memory>
#include <utility>

#include "arena/asking_part.hpp"
#include "arena/family.hpp"
#include "multiprocessing/base/errors.hpp"
#include "synchronize/barrier_body.hpp"
#include "synchronize/lock_core.hpp"
#include "synchronize/place.hpp"

namespace multiprocessing {
namespace {

using detail::BarrierBody;
using detail::Deadline;
using detail::Handle;

/// What each process keeps beside the handle: whether it is registered as a party; and it registers
/// the children that are handed the barrier.
class BarrierPart final : public detail::AskingPart {
 public:
  void given_to(const Handle& barrier, detail::Member child) override { add_party(barrier, child); }

  /// Registers the calling process. The name tells a forked child that the note is its parent's.
  void book(const Handle& barrier) {
    const std::uint32_t name = detail::own_name();
    if (booked_.load(std::memory_order_relaxed) == name) return;
    add_party(barrier, detail::self());
    booked_.store(name, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t> booked_{0};
};

BarrierBody& body_of(const Handle& handle) {
  if (!handle) throw ValueError("no barrier: Barrier() is for a variable that receives one");
  return *handle.as<BarrierBody>();
}

/// The last arrival runs the action. The round ends by it: well, or broken if it throws.
void act(const Handle& body, const detail::BarrierArrival& arrival,
         const Function<void()>& action) {
  try {
    action();
  } catch (...) {
    break_round(body, arrival, detail::BrokenBy::action);
    throw;
  }
  complete(body, arrival);
}

}  // namespace

Barrier::Barrier(int parties) : Barrier(parties, {}) {}

Barrier::Barrier(int parties, Function<void()> action)
    : Barrier(parties, std::move(action), Timeout::forever) {}

Barrier::Barrier(int parties, Function<void()> action, Timeout timeout)
    : action_(std::move(action)) {
  if (parties < 1) throw ValueError("a barrier needs at least one party");
  body_ = Handle::make(sizeof(BarrierBody), detail::RecordTable::links);
  auto& body = *body_.as<BarrierBody>();
  body.parties = static_cast<std::uint32_t>(parties);
  body.timeout = timeout.length().count();
  keep_part();
}

void Barrier::keep_part() const {
  if (!body_) return;
  auto part = std::make_unique<BarrierPart>();
  if (body_.keep(nullptr, part.get())) static_cast<void>(part.release());
}

int Barrier::wait() const {
  return wait(Timeout{std::chrono::nanoseconds{body_of(body_).timeout}});
}

int Barrier::wait(Timeout timeout) const {
  static_cast<void>(body_of(body_));
  const Deadline deadline{timeout};
  static_cast<BarrierPart*>(body_.local_part())->book(body_);
  const detail::BarrierArrival arrival = arrive(body_, static_cast<bool>(action_), deadline);
  if (!arrival.last)
    wait_for_round(body_, arrival, deadline);
  else if (action_)
    act(body_, arrival, action_);
  return static_cast<int>(arrival.index);
}

void Barrier::reset() const {
  static_cast<void>(body_of(body_));
  detail::reset_barrier(body_);
}

void Barrier::abort() const {
  static_cast<void>(body_of(body_));
  detail::break_barrier(body_);
}

int Barrier::parties() const { return static_cast<int>(body_of(body_).parties); }

int Barrier::n_waiting() const {
  const BarrierBody& body = body_of(body_);
  const auto waiting = static_cast<int>(body.arrived.load());
  const bool fills = body.state.load() == detail::BarrierState::filling && !is_given_up(body);
  return fills ? waiting : 0;
}

bool Barrier::broken() const {
  const BarrierBody& body = body_of(body_);
  return body.state.load() == detail::BarrierState::broken || is_given_up(body);
}

std::string to_string(const Barrier& barrier) {
  const std::string place = "<Barrier at " + detail::place_of(barrier.body_) + ": ";
  if (barrier.broken()) return place + "broken>";
  return place + "waiters=" + std::to_string(barrier.n_waiting()) + '/' +
         std::to_string(barrier.parties()) + '>';
}

}  // namespace multiprocessing
