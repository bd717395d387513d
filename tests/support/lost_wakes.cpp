// Where MULTIPROCESSING_TEST_LOST_WAKES is set, no sleeper looks up by itself as long as all
// members of the family live, so that a wake that was forgotten hangs the test instead of delaying
// it. The variable is inherited, and so are the deaths: when a member has died, all sleepers are
// woken, for the dead one may have owed them a wake.
#include "support/lost_wakes.hpp"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "arena/event_count.hpp"
#include "arena/member.hpp"
#include "arena/segment.hpp"

namespace {

using namespace std::chrono_literals;
using namespace multiprocessing::detail;

// A thread that asked whether a member lives just before it died may go to sleep after that; and
// some do not ask again within 100 ms. Looks come each 10 ms, or less often where many live.
constexpr int looks_after_a_death = 40;
constexpr bool wakes_at(int left) {
  return left == looks_after_a_death || left == looks_after_a_death - 15 || left == 1;
}

// With more of them sleepers look up as ever, for each of these would wake all others.
constexpr std::size_t most_members = 32;

using Members = std::set<std::pair<std::uint32_t, std::uint32_t>>;

/// Those that live, or are on their way.
Members living() {
  Members found;
  for (std::uint32_t slot = 1; slot < slot_count; ++slot) {
    const StateWord word = StateWord::from(segment().states[slot].load());
    if (word.state == SlotState::live || word.state == SlotState::unborn)
      if (alive({slot, word.generation})) found.emplace(slot, word.generation);
  }
  return found;
}

/// Of a processor.
std::chrono::nanoseconds time_of_thread() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

/// Without a lock: a child may be forked at any moment.
class LostWakes final : public SleepObserver {
 public:
  bool begins(const Sleep& sleep) override {
    if (segment_if_any() == nullptr || !helper_runs() || members_.load() > most_members)
      return true;
    for (auto& place : words_) {
      const Word* none = nullptr;
      if (place.compare_exchange_strong(none, &sleep.word)) return false;
    }
    return true;
  }

  void ended(const Sleep& sleep) override {
    for (auto& place : words_) {
      const Word* mine = &sleep.word;
      if (place.load() == mine && place.compare_exchange_strong(mine, nullptr)) return;
    }
  }

  void wait_until_strict() {
    if (!helper_runs()) return;
    strict_.store(false);
    while (!strict_.load()) std::this_thread::yield();
  }

 private:
  using Word = std::atomic<std::uint32_t>;

  // In a forked child, too, which has its parent's note but not its thread.
  bool helper_runs() {
    const pid_t me = getpid();
    if (helped_.exchange(me) == me) return true;
    for (auto& place : words_) place.store(nullptr);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    try {
      std::thread{[this] { wake_after_deaths(); }}.detach();
    } catch (const std::system_error&) {
      helped_.store(0);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return helped_.load() == me;
  }

  void wake_after_deaths() {
    // One may have died just before this process first sleeps.
    Members lived = living();
    for (int left = looks_after_a_death;;) {
      const auto start = time_of_thread();
      try {
        Members live = living();
        for (const auto& member : lived)
          if (!live.contains(member)) left = looks_after_a_death;
        lived = std::move(live);
        members_.store(lived.size());
      } catch (const std::exception&) {
        left = looks_after_a_death;  // this process cannot see any more who lives
      }
      if (wakes_at(left)) wake_all();
      if (left > 0) --left;
      strict_.store(left == 0);
      // Together, all processes spend at most a fifth of a processor on this.
      const auto cost = time_of_thread() - start;
      std::this_thread::sleep_for(
          std::max<std::chrono::nanoseconds>(10ms, 5 * lived.size() * cost));
    }
  }

  void wake_all() {
    for (auto& place : words_)
      if (const Word* word = place.load()) (void)wake(*word);
  }

  std::atomic<pid_t> helped_{0};
  std::atomic<bool> strict_{false};
  std::atomic<std::size_t> members_{0};
  std::atomic<const Word*> words_[1024] = {};
};

// Never destroyed: threads sleep until the very end.
LostWakes* const mode = [] {
  if (std::getenv("MULTIPROCESSING_TEST_LOST_WAKES") == nullptr)
    return static_cast<LostWakes*>(nullptr);
  auto* made = new LostWakes;
  (void)observe_sleeps(made);
  return made;
}();

}  // namespace

namespace test_support {

void wait_until_strict() {
  if (mode != nullptr) mode->wait_until_strict();
}

}  // namespace test_support
