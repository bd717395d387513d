// Many signals while threads wait for each other in all ways: no wait ends wrongly, none sleeps on.
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "multiprocessing/base/signals.hpp"
#include "multiprocessing/connection.hpp"
#include "multiprocessing/queues.hpp"
#include "multiprocessing/sharedctypes.hpp"
#include "multiprocessing/synchronize.hpp"
#include "pool_suite.hpp"
#include "support/asked.hpp"
#include "support/watchdog.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

/// Does it again when a signal has interrupted it. What was interrupted has not happened.
template <class Do>
auto insist(Do once) {
  for (;;) {
    try {
      return once();
    } catch (const mp::Interrupted&) {
    }
  }
}

/// Numbers from one thread to another, one at a time.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual void give(int number) = 0;
  virtual int take() = 0;
};

class ByQueue : public Channel {
 public:
  void give(int number) override {
    insist([&] { queue_.put(number); });
  }
  int take() override {
    return insist([&] { return queue_.get(); });
  }

 private:
  mp::Queue<int> queue_{1};
};

class ByTasks : public Channel {
 public:
  void give(int number) override {
    insist([&] { queue_.put(number); });
    insist([&] { queue_.join(); });
  }
  int take() override {
    const int number = insist([&] { return queue_.get(); });
    queue_.task_done();
    return number;
  }

 private:
  mp::JoinableQueue<int> queue_;
};

class ByConnection : public Channel {
 public:
  explicit ByConnection(std::pair<mp::Connection, mp::Connection> ends) : ends_(std::move(ends)) {}
  void give(int number) override {
    insist([&] { ends_.first.send(number); });
  }
  int take() override {
    return insist([&] {
      (void)mp::wait({ends_.second});
      return ends_.second.recv<int>();
    });
  }

 private:
  std::pair<mp::Connection, mp::Connection> ends_;
};

std::pair<mp::Connection, mp::Connection> stream() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::bad_alloc{};
  return {mp::Connection{ends[0]}, mp::Connection{ends[1]}};
}

class ByPipe : public ByConnection {
 public:
  ByPipe() : ByConnection(mp::Pipe()) {}
};
class ByStream : public ByConnection {
 public:
  ByStream() : ByConnection(stream()) {}
};

class BySemaphores : public Channel {
 public:
  void give(int number) override {
    insist([&] { free_.acquire(); });
    number_ = number;
    full_.release();
  }
  int take() override {
    insist([&] { full_.acquire(); });
    const int number = number_;
    free_.release();
    return number;
  }

 private:
  mp::Semaphore free_{1}, full_{0};
  std::atomic<int> number_ = 0;
};

class ByCondition : public Channel {
 public:
  void give(int number) override {
    enter([&] { return !full_; });
    number_ = number;
    leave(true);
  }
  int take() override {
    enter([&] { return full_; });
    const int number = number_;
    leave(false);
    return number;
  }

 private:
  /// The condition is held again when its wait was interrupted.
  template <class Ready>
  void enter(Ready ready) {
    insist([&] { condition_.acquire(); });
    insist([&] { condition_.wait_for(ready); });
  }
  void leave(bool full) {
    full_ = full;
    condition_.notify_all();
    condition_.release();
  }

  mp::Condition condition_;
  bool full_ = false;
  int number_ = 0;
};

class ByEvents : public Channel {
 public:
  ByEvents() { free_.set(); }
  void give(int number) override {
    insist([&] { free_.wait(); });
    free_.clear();
    number_ = number;
    full_.set();
  }
  int take() override {
    insist([&] { full_.wait(); });
    full_.clear();
    const int number = number_;
    free_.set();
    return number;
  }

 private:
  mp::Event free_, full_;
  std::atomic<int> number_ = 0;
};

class ByValue : public Channel {
 public:
  void give(int number) override {
    for (int seen = read(); seen != nothing; seen = read()) insist([&] { value_.wait(seen); });
    change(number);
  }
  int take() override {
    insist([&] { value_.wait(nothing); });
    const int number = read();
    change(nothing);
    return number;
  }

 private:
  static constexpr int nothing = -1;
  int read() {
    return insist([&] { return value_.value(); });
  }
  void change(int to) {
    insist([&] { value_.set_value(to); });
    value_.notify_all();
  }
  mp::Value<int> value_{nothing};
};

class ByLock : public Channel {
 public:
  void give(int number) override { exchange(false, number); }
  int take() override { return exchange(true, 0); }

 private:
  int exchange(bool full, int number) {
    for (;;) {
      insist([&] { lock_.acquire(); });
      const bool done = full_ == full;
      if (done) std::swap(number_, number), full_ = !full;
      lock_.release();
      if (done) return number;
      std::this_thread::yield();
    }
  }
  mp::Lock lock_;
  bool full_ = false;
  int number_ = 0;
};

template <class T>
std::unique_ptr<Channel> make() {
  return std::make_unique<T>();
}
constexpr std::array makes{make<ByQueue>,  make<ByTasks>,      make<ByPipe>,
                           make<ByStream>, make<BySemaphores>, make<ByCondition>,
                           make<ByEvents>, make<ByValue>,      make<ByLock>};

/// What the threads of one test have in common.
struct Storm {
  std::atomic<bool> over = false;
  std::array<std::atomic<int>, 8> done{};  // what each thread has done

  /// In a thread that is to be interrupted, while it lives.
  static std::unique_ptr<mp::Signals> asking(bool asks) {
    if (!asks) return nullptr;
    auto caught = std::unique_ptr<mp::Signals>{new mp::Signals{SIGUSR1}};
    caught->interrupt_waits();
    return caught;
  }
};

constexpr int last = 1'000'000'000;

/// Sends numbers by one channel after the other and has each back.
void ping(Storm& storm, int thread, bool asks, Channel& there, Channel& back) {
  const auto caught = Storm::asking(asks);
  for (int number = 0; !storm.over; ++number, ++storm.done[static_cast<std::size_t>(thread)]) {
    there.give(number);
    ASSERT_EQ(back.take(), number);
  }
  there.give(last);
}

void pong(Storm& storm, int thread, bool asks, Channel& there, Channel& back) {
  const auto caught = Storm::asking(asks);
  for (int number = there.take(); number != last; number = there.take()) {
    back.give(number);
    ++storm.done[static_cast<std::size_t>(thread)];
  }
}

int square(int number) { return number * number; }

void map_on(Storm& storm, int thread, bool asks) {
  const auto caught = Storm::asking(asks);
  mp::Pool pool(2);
  for (; !storm.over; ++storm.done[static_cast<std::size_t>(thread)])
    ASSERT_EQ(insist([&] { return pool.map(square, {1, 2, 3}); }), (std::vector{1, 4, 9}));
}

void nothing() {}

void start_and_join(Storm& storm, int thread, bool asks) {
  const auto caught = Storm::asking(asks);
  for (; !storm.over; ++storm.done[static_cast<std::size_t>(thread)]) {
    mp::Process child{nothing};
    child.start();
    insist([&] { child.join(); });
    ASSERT_EQ(child.exitcode(), 0);
  }
}

class SignalStormTest : public PoolTest {
 protected:
  /// Six threads in pairs, by three kinds of channels; one that maps, and one that starts children.
  void run(std::size_t first_kind, bool asks, int signals) {
    SCOPED_TRACE("kinds from " + std::to_string(first_kind) + (asks ? ", asking" : ""));
    Storm storm;
    mp::Signals caught{SIGUSR1};
    std::vector<std::unique_ptr<Channel>> channels;
    std::vector<std::thread> threads;
    for (int pair = 0; pair < 3; ++pair) {
      const auto make = makes[(first_kind + static_cast<std::size_t>(pair)) % makes.size()];
      for (int way = 0; way < 2; ++way) channels.push_back(make());
      Channel& there = *channels[channels.size() - 2];
      Channel& back = *channels.back();
      threads.emplace_back([&, pair] { ping(storm, 2 * pair, asks, there, back); });
      threads.emplace_back([&, pair] { pong(storm, 2 * pair + 1, asks, there, back); });
    }
    threads.emplace_back([&] { map_on(storm, 6, asks); });
    threads.emplace_back([&] { start_and_join(storm, 7, asks); });
    auto next = std::chrono::steady_clock::now();
    for (int i = 0; i < signals; ++i) {
      // To each in turn, and now and then to the process.
      const std::size_t to = static_cast<std::size_t>(i) % (threads.size() + 1);
      if (to < threads.size())
        pthread_kill(threads[to].native_handle(), SIGUSR1);
      else
        kill(getpid(), SIGUSR1);
      std::this_thread::sleep_until(next += 1ms);
    }
    // Each goes on after the storm, too.
    for (auto& done : storm.done)
      test_support::wait_until([&, before = done.load()] { return done > before; });
    storm.over = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(caught.wait(0s));
  }
};
// Not by fork: a child of so many threads may find a lock held for ever.
INSTANTIATE_TEST_SUITE_P(StartMethods, SignalStormTest, testing::Values("spawn", "forkserver"),
                         test_support::NamedByParameter{});

TEST_P(SignalStormTest, NoWaitEndsWronglyAndNoneSleepsOn) {
  const int signals = test_support::asked("MULTIPROCESSING_TEST_SIGNALS", 1000);
  const std::size_t step = 3;
  const std::size_t rounds = 2 * makes.size() / step;
  const test_support::Watchdog patience{std::chrono::seconds{60 + signals / 50}};
  for (std::size_t round = 0; round < rounds; ++round)
    run(round * step % makes.size(), round * step >= makes.size(),
        signals / static_cast<int>(rounds));
}

}  // namespace
}  // namespace pool_test
