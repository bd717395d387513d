// Work on one of each primitive at once, for tests that kill in the middle of it.
#pragma once

#include <random>

#include "synchronize_suite.hpp"

namespace synchronize_test {

/// What the workers share. All of it is whole again after each repair.
struct Shared {
  mp::Lock lock;
  mp::RLock rlock;
  mp::Semaphore units{{.value = 3, .return_units_of_dead = true}};
  mp::Semaphore plain{0};
  mp::Condition condition;
  mp::Event event;
  mp::Barrier barrier{2};
  Counters counters;  // 0 and 1 are equal under `lock`, 2 and 3 under `rlock`; 8…: rounds done

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& lock& rlock& units& plain& condition& event& barrier& counters;
  }
};

/// Does rounds of everything, and throws std::runtime_error when a count is wrong.
class Churn {
 public:
  Churn(const Shared& shared, std::uint32_t seed) : shared_(shared), random_(seed) {}

  /// One operation on one of them.
  void round();

  /// States that only deaths bring about: with children of its own, which die.
  void among_the_dead();

 private:
  void count_under_lock();
  void count_under_rlock();
  void use_units();
  void wait_and_notify();
  void meet();

  Shared shared_;
  std::mt19937 random_;
};

/// Does rounds until counter 7 is not zero; counts them in `counter`.
void work_until_stopped(Shared shared, std::size_t counter);

/// Whether everything can be used, and counts what it should, when no process is left at work.
void expect_whole(const Shared& shared);

}  // namespace synchronize_test
