#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "base/fail_point.hpp"
#include "multiprocessing/queues.hpp"
#include "multiprocessing/sharedctypes.hpp"
#include "support/processes.hpp"
#include "waited.hpp"

namespace pool_test {

void wait_at(mp::Event event) { event.wait(); }

namespace {

using namespace std::chrono_literals;

template <class Mutex>
class HeldLock : public Waited {
 public:
  HeldLock() {
    holder_ = std::thread([this] {
      lock_.acquire();
      held_.set();
      let_go_.wait();
      lock_.release();
    });
    held_.wait();
  }
  ~HeldLock() override {
    let_go_.set();
    if (holder_.joinable()) holder_.join();
  }
  void wait() override { lock_.acquire(); }
  bool works() override {
    const bool still_held = !lock_.try_acquire();
    let_go_.set();
    holder_.join();
    const bool taken = lock_.acquire(10s);
    lock_.release();
    return still_held && taken;
  }

 private:
  Mutex lock_;
  mp::Event held_, let_go_;
  std::thread holder_;
};

class NoUnits : public Waited {
 public:
  void wait() override { units_.acquire(); }
  bool works() override {
    units_.release();
    return units_.try_acquire() && !units_.try_acquire();
  }

 private:
  mp::Semaphore units_{0};
};

class Notification : public Waited {
 public:
  void wait() override {
    condition_.acquire();
    condition_.wait();
  }
  bool works() override {
    // Held again, or this throws; then a notification reaches who waits.
    condition_.notify_all();
    bool notified = false;
    mp::Event waits;
    {
      const Meanwhile other([&] {
        condition_.acquire();
        waits.set();
        notified = condition_.wait(30s);
        condition_.release();
      });
      condition_.release();
      waits.wait();
      condition_.acquire();
      condition_.notify();
      condition_.release();
    }
    return notified;
  }

 private:
  mp::Condition condition_;
};

class Unset : public Waited {
 public:
  void wait() override { event_.wait(); }
  bool works() override {
    event_.set();
    return event_.wait(0s);
  }

 private:
  mp::Event event_;
};

class AnotherParty : public Waited {
 public:
  void wait() override { (void)barrier_.wait(); }
  bool works() override {
    const bool broken = barrier_.broken();
    barrier_.reset();
    {
      const Meanwhile other([this] { (void)barrier_.wait(); });
      (void)barrier_.wait();
    }
    return broken && barrier_.n_waiting() == 0;
  }

 private:
  mp::Barrier barrier_{2};
};

class EmptyQueue : public Waited {
 public:
  void wait() override { (void)queue_.get(); }
  bool works() override {
    queue_.put("word");
    return queue_.get() == "word";
  }

 private:
  mp::Queue<std::string> queue_;
};

class FullQueue : public Waited {
 public:
  FullQueue() { queue_.put(1); }
  void wait() override { queue_.put(2); }
  bool works() override {
    const bool unchanged = queue_.get() == 1 && queue_.empty();
    queue_.put(3);
    return unchanged && queue_.get() == 3;
  }

 private:
  mp::Queue<int> queue_{1};
};

class UnfinishedTask : public Waited {
 public:
  UnfinishedTask() { queue_.put(1); }
  void wait() override { queue_.join(); }
  bool works() override {
    (void)queue_.get();
    queue_.task_done();
    return queue_.join(10s);
  }

 private:
  mp::JoinableQueue<int> queue_;
};

class SameValue : public Waited {
 public:
  void wait() override { value_.wait(0); }
  bool works() override {
    value_.set_value(1);
    return value_.wait(0, 10s);
  }

 private:
  mp::Value<int> value_{0};
};

class LivingProcess : public Waited {
 public:
  LivingProcess() { child_.start(); }
  ~LivingProcess() override {
    event_.set();
    child_.join();
  }
  void wait() override { child_.join(); }
  bool works() override {
    const bool lives = child_.is_alive();
    event_.set();
    return lives && child_.join(30s) && child_.exitcode() == 0;
  }

 private:
  mp::Event event_;
  mp::Process child_{wait_at, event_};
};

void stop_in_the_lock(mp::Queue<int> queue) {
  mp::detail::arm_fail_point_stop("queue.put.locked");
  queue.put(1);
}

class StoppedHolder : public Waited {
 public:
  StoppedHolder() {
    child_.start();
    wait_until([this] { return state_of(child_.pid().value()) == 'T'; });
  }
  ~StoppedHolder() override {
    child_.kill();
    child_.join();
  }
  void wait() override { queue_.put(2); }
  bool works() override {
    kill(child_.pid().value(), SIGCONT);
    child_.join();
    const bool one_alone = queue_.get() == 1 && queue_.empty();
    queue_.put(3);
    return one_alone && queue_.get() == 3;
  }

 private:
  static char state_of(pid_t pid) {
    for (const auto& process : test_support::descendants_of(getpid()))
      if (process.pid == pid) return process.state;
    return '?';
  }

  mp::Queue<int> queue_;
  mp::Process child_{stop_in_the_lock, queue_};
};

int wait_and_square(mp::Event event, int number) {
  event.wait();
  return number * number;
}

class BusyPool : public Waited {
 public:
  ~BusyPool() override { event_.set(); }
  void wait() override { (void)pool_.map(mp::partial(wait_and_square, event_), {1, 2, 3, 4}, 1); }
  bool works() override {
    event_.set();
    return pool_.map(mp::partial(wait_and_square, event_), {1, 2, 3}) == std::vector{1, 4, 9};
  }

 private:
  mp::Event event_;
  mp::Pool pool_{2};
};

int begin_and_wait(mp::Event begun, mp::Event event, int number) {
  begun.set();
  event.wait();
  return number * number;
}

class ClosedPool : public Waited {
 public:
  ClosedPool() {
    caller_ = std::thread([this] {
      results_ = pool_.map(mp::partial(begin_and_wait, begun_, event_), {1, 2});
    });
    begun_.wait();
    pool_.close();
  }
  ~ClosedPool() override {
    event_.set();
    if (caller_.joinable()) caller_.join();
  }
  void wait() override { pool_.join(); }
  bool works() override {
    event_.set();
    caller_.join();
    pool_.join();
    return pool_.workers().empty() && results_ == std::vector{1, 4};
  }

 private:
  mp::Event begun_, event_;
  mp::Pool pool_{2};
  std::vector<int> results_;
  std::thread caller_;
};

}  // namespace

std::vector<WaitKind> waits_for_objects() {
  return {
      {"Lock::acquire", make_waited<HeldLock<mp::Lock>>},
      {"RLock::acquire", make_waited<HeldLock<mp::RLock>>},
      {"Semaphore::acquire", make_waited<NoUnits>},
      {"Condition::wait", make_waited<Notification>},
      {"Event::wait", make_waited<Unset>},
      {"Barrier::wait", make_waited<AnotherParty>},
      {"Queue::get", make_waited<EmptyQueue>},
      {"Queue::put", make_waited<FullQueue>},
      {"Queue::put beside a stopped process", make_waited<StoppedHolder>},
      {"JoinableQueue::join", make_waited<UnfinishedTask>},
      {"Value::wait", make_waited<SameValue>},
      {"Process::join", make_waited<LivingProcess>},
      {"Pool::map", make_waited<BusyPool>},
      {"Pool::join", make_waited<ClosedPool>},
  };
}

}  // namespace pool_test
