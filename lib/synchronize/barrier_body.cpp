#include "synchronize/barrier_body.hpp"

#include <chrono>
#include <optional>
#include <string>

#include "arena/event_count.hpp"
#include "arena/family.hpp"
#include "base/fail_point.hpp"
#include "base/interruption.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t sleepers = 1;
constexpr std::uint32_t given_up = 2;
constexpr std::uint32_t one_round = 4;
constexpr std::uint32_t flags = one_round - 1;

// How long abort() waits for the lock, which a stopped party may have.
constexpr std::chrono::seconds time_to_abort{1};

// In a round this short it does not matter whether a party died before or after its arrival, so the
// last arrival does not ask.
constexpr std::uint64_t short_round = std::chrono::nanoseconds{50us}.count();

/// In nanoseconds. Unsigned, so that a time which seems to lie ahead, by another time namespace's
/// clock, is long ago.
std::uint64_t clock_now() {
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(now.count());
}

std::uint64_t bit_of(std::uint32_t round) { return std::uint64_t{1} << (round / one_round % 64); }

std::uint32_t round_of(const BarrierBody& body) {
  return body.round.load(std::memory_order_acquire) & ~flags;
}

bool is_over(const BarrierBody& body, std::uint32_t round) {
  const std::uint32_t now = body.round.load(std::memory_order_acquire);
  return (now & ~flags) != round || (now & given_up) != 0;
}

/// A time-out of zero is about the other parties, not about the lock.
Deadline for_lock(const Deadline& deadline) {
  return deadline.passed() ? Deadline{turn_of_others} : deadline;
}

[[noreturn]] void throw_broken(const BarrierBody& body) {
  check_interruption();  // the other parties may have been sent the same signal
  switch (is_given_up(body) ? BrokenBy::timeout : body.broken_by.load()) {
    case BrokenBy::abort:
      throw BrokenBarrierError("the barrier was aborted");
    case BrokenBy::reset:
      throw BrokenBarrierError("the barrier was reset");
    case BrokenBy::timeout:
      throw BrokenBarrierError("the barrier is broken: not all parties came in time");
    case BrokenBy::action:
      throw BrokenBarrierError("the barrier is broken: its action threw an exception");
    case BrokenBy::signal:
      throw BrokenBarrierError("the barrier is broken: a signal ended the wait of a party");
    case BrokenBy::nothing:
    case BrokenBy::death:
      break;
  }
  const std::int32_t pid = body.dead_pid.load();
  const std::int32_t code = body.dead_code.load();
  std::string what = "the barrier is broken: the party ";
  if (pid != 0) what += "with process id " + std::to_string(pid) + ' ';
  throw BrokenBarrierError(what +
                           (code == 0 ? "died" : "ended with exit code " + std::to_string(code)));
}

// ---- with the lock held.

/// False when the round was given up before it could end well: it is broken then.
bool end_round(BarrierBody& body, BrokenBy how, BarrierState state) {
  const std::uint32_t round = round_of(body);
  if (how == BrokenBy::nothing)
    body.broken_rounds.fetch_and(~bit_of(round));
  else
    body.broken_rounds.fetch_or(bit_of(round));
  body.broken_by.store(how);
  body.arrived.store(0);
  body.state.store(state);
  fail_point("synchronize.barrier.before_end");
  std::uint32_t before = body.round.load(std::memory_order_relaxed);
  do {
    if (how == BrokenBy::nothing && (before & given_up) != 0) {
      static_cast<void>(end_round(body, BrokenBy::timeout, BarrierState::broken));
      return false;
    }
  } while (!body.round.compare_exchange_weak(before, round + one_round, std::memory_order_acq_rel));
  fail_point("synchronize.barrier.ended");
  if ((before & sleepers) != 0) (void)wake(body.round);
  return true;
}

void break_now(BarrierBody& body, BrokenBy how) {
  static_cast<void>(end_round(body, how, BarrierState::broken));
}

/// A party that was killed or failed. Forgets it, and the dead that ended well or never began.
std::optional<Member> dead_party(const Handle& object, BarrierBody& body) {
  std::optional<Member> dead;
  any_record(object, body.known, [&](Record& party) {
    std::uint32_t word = party.word.load(std::memory_order_relaxed);
    if (word == 0) return false;
    const Member member = OwnerLock::named(word);
    if (alive(member)) return false;
    party.word.compare_exchange_strong(word, 0);
    if (pid_of(member) != 0 && left_exit_code(member) != 0) dead = member;
    return dead.has_value();
  });
  return dead;
}

void break_for(BarrierBody& body, Member dead) {
  fail_point("synchronize.barrier.dead_found");
  body.dead_pid.store(pid_of(dead));
  body.dead_code.store(left_exit_code(dead).value_or(0));
  break_now(body, BrokenBy::death);
}

void last_has_come(const Handle& object, BarrierBody& body, bool acts) {
  // Others may have died since their arrival; asking is a system call for each.
  const bool was_long =
      (body.round.load() & sleepers) != 0 || clock_now() - body.began_at.load() > short_round;
  if (const auto dead = was_long ? dead_party(object, body) : std::nullopt) {
    break_for(body, *dead);
    throw_broken(body);
  }
  if (acts)
    body.state.store(BarrierState::acting);
  else if (!end_round(body, BrokenBy::nothing, BarrierState::filling))
    throw_broken(body);
}

/// Holds the lock, unless a stopped party has it beyond the deadline. Breaks the barrier first if
/// the holder before died with the lock, or if others gave the round up while the holder was
/// stopped.
class Inside {
 public:
  explicit Inside(const Handle& object, const Deadline& deadline = Deadline::never())
      : body_(*object.as<BarrierBody>()), taken_(body_.lock.acquire(deadline)) {
    if (!held()) return;
    guard_.emplace(body_.lock, taken_);
    guard_->mend_if_dead([&] { break_for_the_holder(object); });
    if (is_given_up(body_)) break_now(body_, BrokenBy::timeout);
  }

  [[nodiscard]] bool held() const { return taken_ != OwnerLock::Taken::not_in_time; }

 private:
  void break_for_the_holder(const Handle& object) {
    const auto dead = dead_party(object, body_);
    body_.dead_pid.store(0);
    if (dead)
      break_for(body_, *dead);
    else
      break_now(body_, BrokenBy::death);
  }

  BarrierBody& body_;
  const OwnerLock::Taken taken_;
  std::optional<OwnerGuard> guard_;
};

// ---- without.

/// Breaks the round although a stopped party has the lock; the next holder does the rest.
void give_up(BarrierBody& body, std::uint32_t round) {
  std::uint32_t seen = body.round.load();
  do {
    if ((seen & ~flags) != round) return;
  } while (!body.round.compare_exchange_weak(seen, seen | given_up));
  fail_point("synchronize.barrier.given_up");
  if ((seen & sleepers) != 0) (void)wake(body.round);
}

/// Whether it is time to ask which parties live. One party asks for all of them, because that costs
/// a system call for each.
bool is_due(BarrierBody& body) {
  constexpr std::uint64_t period = std::chrono::nanoseconds{100ms}.count();
  const std::uint64_t now = clock_now();
  std::uint64_t before = body.asked_at.load(std::memory_order_relaxed);
  return now - before >= period && body.asked_at.compare_exchange_strong(before, now);
}

void break_for_the_dead(const Handle& object, const BarrierArrival& arrival) {
  auto& body = *object.as<BarrierBody>();
  if (!is_due(body)) return;
  // The lock is taken first: dead_party() forgets the party that it finds, and the round must not
  // end well between that and the break.
  const Inside inside{object, Deadline{turn_of_others}};
  if (!inside.held() || round_of(body) != arrival.round) return;
  if (const auto dead = dead_party(object, body)) break_for(body, *dead);
}

/// Waits until `round` is over; false when the deadline passed before.
bool wait_until_over(const Handle& object, const BarrierArrival& arrival,
                     const Deadline& deadline) {
  auto& body = *object.as<BarrierBody>();
  Wait wait{back_off::party, "Barrier.wait", &body.looks};
  for (;;) {
    if (wait.spin([&] { return is_over(body, arrival.round); })) return true;
    // Looked at before the first sleep, and whenever a sleep was long.
    break_for_the_dead(object, arrival);
    if (deadline.passed()) return is_over(body, arrival.round);
    std::uint32_t seen = arrival.round;
    if (!body.round.compare_exchange_strong(seen, seen | sleepers) &&
        seen != (arrival.round | sleepers))
      continue;
    fail_point("synchronize.barrier.before_sleep");
    wait.sleep(body.round, arrival.round | sleepers, deadline);
  }
}

}  // namespace

void add_party(const Handle& object, Member party) {
  auto& body = *object.as<BarrierBody>();
  const std::uint32_t name = OwnerLock::name_of(party);
  const bool known = any_record(object, body.known,
                                [&](const Record& record) { return record.word.load() == name; });
  if (!known) static_cast<void>(claim_record(object, body.known, name));
  fail_point("synchronize.barrier.party_added");
}

BarrierArrival arrive(const Handle& object, bool acts, const Deadline& deadline) {
  auto& body = *object.as<BarrierBody>();
  for (;;) {
    BarrierArrival arrival{.round = round_of(body), .index = 0, .last = false};
    {
      const Inside inside{object, for_lock(deadline)};
      if (!inside.held()) {
        give_up(body, arrival.round);
        throw_broken(body);
      }
      const BarrierState state = body.state.load();
      if (state == BarrierState::broken) throw_broken(body);
      arrival.round = round_of(body);
      if (state == BarrierState::filling) {
        arrival.index = body.arrived.fetch_add(1);
        fail_point("synchronize.barrier.arrived");
        arrival.last = arrival.index + 1 == body.parties;
        if (arrival.index == 0) body.began_at.store(clock_now());
        if (arrival.last) last_has_come(object, body, acts);
        return arrival;
      }
    }
    if (wait_until_over(object, arrival, deadline)) continue;
    break_round(object, arrival, BrokenBy::timeout);
    throw_broken(body);
  }
}

void wait_for_round(const Handle& object, const BarrierArrival& arrival, const Deadline& deadline) {
  auto& body = *object.as<BarrierBody>();
  try {
    if (!wait_until_over(object, arrival, deadline))
      break_round(object, arrival, BrokenBy::timeout);
  } catch (const Interrupted&) {
    break_round(object, arrival, BrokenBy::signal);
    throw;
  }
  const bool lasts = round_of(body) == arrival.round;  // and was given up
  if (lasts || (body.broken_rounds.load() & bit_of(arrival.round)) != 0) throw_broken(body);
}

void complete(const Handle& object, const BarrierArrival& arrival) {
  auto& body = *object.as<BarrierBody>();
  const Inside inside{object};
  if (round_of(body) != arrival.round) throw_broken(body);
  if (!end_round(body, BrokenBy::nothing, BarrierState::filling)) throw_broken(body);
}

void break_round(const Handle& object, const BarrierArrival& arrival, BrokenBy cause) {
  auto& body = *object.as<BarrierBody>();
  const Inside inside{object, Deadline{turn_of_others}};
  if (!inside.held())
    give_up(body, arrival.round);
  else if (round_of(body) == arrival.round)
    break_now(body, cause);
}

void break_barrier(const Handle& object) {
  auto& body = *object.as<BarrierBody>();
  const Inside inside{object, Deadline{time_to_abort}};
  if (inside.held())
    break_now(body, BrokenBy::abort);
  else
    give_up(body, round_of(body));
}

bool is_given_up(const BarrierBody& body) { return (body.round.load() & given_up) != 0; }

void reset_barrier(const Handle& object) {
  auto& body = *object.as<BarrierBody>();
  const Inside inside{object};
  // Parties that died before are forgotten with the break that they caused, or now.
  while (dead_party(object, body)) continue;
  static_cast<void>(end_round(body, BrokenBy::reset, BarrierState::filling));
}

}  // namespace multiprocessing::detail
