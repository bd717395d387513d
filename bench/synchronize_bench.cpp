// What locks and their kin cost, beside what one would use instead, in the same run. Where two
// processes take part they are held on one processor, or on two. Rows of one group belong together:
// python3 bench/ratios.py --cpu 0 build/bench/synchronize_bench
#include <benchmark/benchmark.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <new>
#include <vector>

#include "multiprocessing/synchronize.hpp"

namespace {

namespace mp = multiprocessing;
constexpr auto relaxed = std::memory_order_relaxed;

/// Zeroed memory that a forked child shares.
template <class T>
T& shared() {
  void* memory =
      mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return *new (memory) T{};
}

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

/// A process that does `body` until it is killed; on the next processor if there are to be two.
class Partner {
 public:
  template <class Body>
  Partner(int cpus, Body body) {
    sched_getaffinity(0, sizeof before_, &before_);
    pin(0);
    pid_ = fork();
    if (pid_ != 0) return;
    if (cpus == 2) pin(1);
    for (;;) body();
  }
  ~Partner() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    sched_setaffinity(0, sizeof before_, &before_);
  }
  Partner(const Partner&) = delete;

 private:
  cpu_set_t before_;
  pid_t pid_;
};

// ---- the peers.

struct PthreadMutex {
  explicit PthreadMutex(bool robust) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (robust) pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &attributes);
  }
  void lock() { pthread_mutex_lock(&mutex); }
  void unlock() { pthread_mutex_unlock(&mutex); }
  pthread_mutex_t mutex;
};
struct RobustMutex : PthreadMutex {
  RobustMutex() : PthreadMutex(true) {}
};
struct PlainMutex : PthreadMutex {
  PlainMutex() : PthreadMutex(false) {}
};

struct PosixSemaphore {
  PosixSemaphore() { sem_init(&semaphore, 1, 0); }
  void acquire() {
    while (sem_wait(&semaphore) != 0) continue;
  }
  void release() { sem_post(&semaphore); }
  sem_t semaphore;
};

// ---- one process: an iteration takes and gives back.

template <class L>
void take_and_give_back(benchmark::State& state, const L& lock) {
  for (auto _ : state) {
    lock.acquire();
    lock.release();
  }
}
void lock(benchmark::State& state) { take_and_give_back(state, mp::Lock{}); }
void rlock(benchmark::State& state) { take_and_give_back(state, mp::RLock{}); }
void rlock_again(benchmark::State& state) {
  const mp::RLock lock;
  const std::scoped_lock held{lock};
  take_and_give_back(state, lock);
}
void semaphore(benchmark::State& state) { take_and_give_back(state, mp::Semaphore{1}); }
void semaphore_with_ledger(benchmark::State& state) {
  take_and_give_back(state, mp::Semaphore{{.value = 4, .return_units_of_dead = true}});
}
void semaphore_sem_t(benchmark::State& state) {
  auto& semaphore = shared<PosixSemaphore>();
  semaphore.release();
  for (auto _ : state) {
    semaphore.acquire();
    semaphore.release();
  }
}
template <class M>
void mutex(benchmark::State& state) {
  auto& peer = shared<M>();
  for (auto _ : state) {
    peer.lock();
    peer.unlock();
  }
}
BENCHMARK(lock)->Name("lock/ours");
BENCHMARK(mutex<RobustMutex>)->Name("lock/robust_mutex");
BENCHMARK(mutex<PlainMutex>)->Name("lock/plain_mutex");
BENCHMARK(mutex<boost::interprocess::interprocess_mutex>)->Name("lock/boost");
BENCHMARK(rlock)->Name("rlock/ours");
BENCHMARK(rlock_again)->Name("rlock/ours_again");
BENCHMARK(mutex<RobustMutex>)->Name("rlock/robust_mutex");
BENCHMARK(semaphore)->Name("semaphore/ours");
BENCHMARK(semaphore_with_ledger)->Name("semaphore/ours_with_ledger");
BENCHMARK(semaphore_sem_t)->Name("semaphore/sem_t");

// One iteration: 1000 locks are made, used once and dropped.
void make_1000_locks(benchmark::State& state) {
  const mp::Lock warm;
  warm.acquire();
  for (auto _ : state) {
    std::vector<mp::Lock> locks(1000);
    for (const mp::Lock& lock : locks) benchmark::DoNotOptimize(lock.try_acquire());
  }
}
BENCHMARK(make_1000_locks)->Name("make_1000_locks/ours");

// ---- two processes that want the same lock: an iteration is 1000 takes, whoever takes.

template <class Take>
void contend(benchmark::State& state, int cpus, Take take) {
  using Clock = std::chrono::steady_clock;
  auto& others = shared<std::atomic<std::uint64_t>>();
  const Partner partner{cpus, [&] { take(), others.store(others.load(relaxed) + 1, relaxed); }};
  while (others == 0) continue;
  for (auto _ : state) {
    const auto start = Clock::now();
    const std::uint64_t before = others;
    for (int i = 0; i < 1000; ++i) take();
    const std::uint64_t all = 1000 + others - before;
    const std::chrono::duration<double> time = Clock::now() - start;
    state.SetIterationTime(time.count() * 1000 / static_cast<double>(all));
  }
}

void contended(benchmark::State& state, int cpus) {
  const mp::Lock lock;
  lock.acquire();
  lock.release();
  contend(state, cpus, [&] { lock.acquire(), lock.release(); });
}
void contended_robust(benchmark::State& state, int cpus) {
  auto& mutex = shared<RobustMutex>();
  contend(state, cpus, [&] { mutex.lock(), mutex.unlock(); });
}
#define CONTENDED(function, who)                                                                \
  BENCHMARK_CAPTURE(function, one, 1)->Name("contended_lock_on_one_cpu/" who)->UseManualTime(); \
  BENCHMARK_CAPTURE(function, two, 2)->Name("contended_lock_on_two_cpus/" who)->UseManualTime()
CONTENDED(contended, "ours");
CONTENDED(contended_robust, "robust_mutex");

// ---- two processes that answer each other: an iteration is there and back.

void ping_semaphore(benchmark::State& state, int cpus) {
  const mp::Semaphore ping{0};
  const mp::Semaphore pong{0};
  const Partner partner{cpus, [&] { ping.acquire(), pong.release(); }};
  for (auto _ : state) {
    ping.release();
    pong.acquire();
  }
}
void ping_sem_t(benchmark::State& state, int cpus) {
  auto& ping = shared<PosixSemaphore>();
  auto& pong = shared<PosixSemaphore>();
  const Partner partner{cpus, [&] { ping.acquire(), pong.release(); }};
  for (auto _ : state) {
    ping.release();
    pong.acquire();
  }
}
void ping_event(benchmark::State& state, int cpus) {
  const mp::Event ping;
  const mp::Event pong;
  ping.clear();
  pong.clear();
  const Partner partner{cpus, [&] {
                          ping.wait();
                          ping.clear();
                          pong.set();
                        }};
  for (auto _ : state) {
    ping.set();
    pong.wait();
    pong.clear();
  }
}
void ping_condition(benchmark::State& state, int cpus) {
  const mp::Condition condition{mp::Lock{}};
  auto& turn = shared<std::atomic<int>>();
  condition.acquire();
  condition.release();
  static_cast<void>(mp::to_string(condition));
  const auto take_turn = [&](int mine) {
    condition.acquire();
    while (turn != mine) condition.wait();
    turn = 1 - mine;
    condition.notify();
    condition.release();
  };
  const Partner partner{cpus, [&] { take_turn(1); }};
  for (auto _ : state) take_turn(0);
}
void ping_cond(benchmark::State& state, int cpus) {
  struct Cond : PlainMutex {
    Cond() {
      pthread_condattr_t attributes;
      pthread_condattr_init(&attributes);
      pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
      pthread_cond_init(&cond, &attributes);
    }
    pthread_cond_t cond;
    int turn = 0;
  };
  auto& at = shared<Cond>();
  const auto take_turn = [&](int mine) {
    at.lock();
    while (at.turn != mine) pthread_cond_wait(&at.cond, &at.mutex);
    at.turn = 1 - mine;
    pthread_cond_signal(&at.cond);
    at.unlock();
  };
  const Partner partner{cpus, [&] { take_turn(1); }};
  for (auto _ : state) take_turn(0);
}
void meet(benchmark::State& state, int cpus) {
  const mp::Barrier barrier{2};
  const Partner partner{cpus, [&] { barrier.wait(); }};
  for (auto _ : state) barrier.wait();
}
void meet_pthread(benchmark::State& state, int cpus) {
  struct Barrier {
    Barrier() {
      pthread_barrierattr_t attributes;
      pthread_barrierattr_init(&attributes);
      pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
      pthread_barrier_init(&barrier, &attributes, 2);
    }
    pthread_barrier_t barrier;
  };
  auto& at = shared<Barrier>();
  const Partner partner{cpus, [&] { pthread_barrier_wait(&at.barrier); }};
  for (auto _ : state) pthread_barrier_wait(&at.barrier);
}
#define BETWEEN_TWO(function, group, who)                                             \
  BENCHMARK_CAPTURE(function, one, 1)->Name(group "_on_one_cpu/" who)->UseRealTime(); \
  BENCHMARK_CAPTURE(function, two, 2)->Name(group "_on_two_cpus/" who)->UseRealTime()
BETWEEN_TWO(ping_semaphore, "semaphore", "ours");
BETWEEN_TWO(ping_sem_t, "semaphore", "sem_t");
BETWEEN_TWO(ping_event, "event", "ours");
BETWEEN_TWO(ping_sem_t, "event", "sem_t");
BETWEEN_TWO(ping_cond, "event", "pthread_cond");
BETWEEN_TWO(ping_condition, "condition", "ours");
BETWEEN_TWO(ping_cond, "condition", "pthread_cond");
BETWEEN_TWO(meet, "barrier", "ours");
BETWEEN_TWO(meet_pthread, "barrier", "pthread_barrier");

}  // namespace

BENCHMARK_MAIN();
