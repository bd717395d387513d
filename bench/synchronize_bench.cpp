// What locks and their kin cost, beside what one would use instead, in the same run. Where two
// processes take part, `cpus:1` has both on one processor and `cpus:2` on two. For the others pin
// it: taskset -c 1 build/bench/synchronize_bench
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
#include <mutex>
#include <new>
#include <vector>

#include "multiprocessing/synchronize.hpp"

namespace {

namespace mp = multiprocessing;

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
  Partner(const benchmark::State& state, Body body) {
    sched_getaffinity(0, sizeof before_, &before_);
    pin(0);
    pid_ = fork();
    if (pid_ != 0) return;
    if (state.range(0) == 2) pin(1);
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
void BM_Lock(benchmark::State& state) { take_and_give_back(state, mp::Lock{}); }
void BM_RLock(benchmark::State& state) { take_and_give_back(state, mp::RLock{}); }
void BM_RLockAgain(benchmark::State& state) {
  const mp::RLock lock;
  const std::scoped_lock held{lock};
  take_and_give_back(state, lock);
}
void BM_Semaphore(benchmark::State& state) { take_and_give_back(state, mp::Semaphore{1}); }
void BM_SemaphoreWithLedger(benchmark::State& state) {
  take_and_give_back(state, mp::Semaphore{{.value = 4, .return_units_of_dead = true}});
}
void BM_Semaphore_SemT(benchmark::State& state) {
  auto& semaphore = shared<PosixSemaphore>();
  semaphore.release();
  for (auto _ : state) {
    semaphore.acquire();
    semaphore.release();
  }
}
template <class M>
void BM_Mutex(benchmark::State& state) {
  auto& mutex = shared<M>();
  for (auto _ : state) {
    mutex.lock();
    mutex.unlock();
  }
}
BENCHMARK(BM_Lock);
BENCHMARK(BM_Mutex<RobustMutex>)->Name("BM_Lock_RobustMutex");
BENCHMARK(BM_Mutex<PlainMutex>)->Name("BM_Lock_PlainMutex");
BENCHMARK(BM_Mutex<boost::interprocess::interprocess_mutex>)->Name("BM_Lock_BoostInterprocess");
BENCHMARK(BM_RLock);
BENCHMARK(BM_RLockAgain);
BENCHMARK(BM_Semaphore);
BENCHMARK(BM_Semaphore_SemT);
BENCHMARK(BM_SemaphoreWithLedger);

// One iteration: 1000 locks are made, used once and dropped.
void BM_Make1000Locks(benchmark::State& state) {
  const mp::Lock warm;
  warm.acquire();
  for (auto _ : state) {
    std::vector<mp::Lock> locks(1000);
    for (const mp::Lock& lock : locks) benchmark::DoNotOptimize(lock.try_acquire());
  }
}
BENCHMARK(BM_Make1000Locks);

// ---- two processes that want the same lock: an iteration is one take of this one.

void BM_ContendedLock(benchmark::State& state) {
  const mp::Lock lock;
  lock.acquire();
  lock.release();
  const Partner partner{state, [&] { lock.acquire(), lock.release(); }};
  for (auto _ : state) {
    lock.acquire();
    lock.release();
  }
}
void BM_ContendedLock_RobustMutex(benchmark::State& state) {
  auto& mutex = shared<RobustMutex>();
  const Partner partner{state, [&] { mutex.lock(), mutex.unlock(); }};
  for (auto _ : state) {
    mutex.lock();
    mutex.unlock();
  }
}
BENCHMARK(BM_ContendedLock)->ArgName("cpus")->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(BM_ContendedLock_RobustMutex)->ArgName("cpus")->Arg(1)->Arg(2)->UseRealTime();

// ---- two processes that answer each other: an iteration is there and back.

void BM_RoundTrip_Semaphore(benchmark::State& state) {
  const mp::Semaphore ping{0};
  const mp::Semaphore pong{0};
  const Partner partner{state, [&] { ping.acquire(), pong.release(); }};
  for (auto _ : state) {
    ping.release();
    pong.acquire();
  }
}
void BM_RoundTrip_SemT(benchmark::State& state) {
  auto& ping = shared<PosixSemaphore>();
  auto& pong = shared<PosixSemaphore>();
  const Partner partner{state, [&] { ping.acquire(), pong.release(); }};
  for (auto _ : state) {
    ping.release();
    pong.acquire();
  }
}
void BM_RoundTrip_Event(benchmark::State& state) {
  const mp::Event ping;
  const mp::Event pong;
  ping.clear();
  pong.clear();
  const Partner partner{state, [&] {
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
void BM_RoundTrip_Condition(benchmark::State& state) {
  const mp::Condition condition{mp::Lock{}};
  auto& turn = shared<std::atomic<int>>();
  condition.acquire();
  condition.release();
  condition.wait_for([] { return true; });
  static_cast<void>(mp::to_string(condition));
  const auto take_turn = [&](int mine) {
    condition.acquire();
    while (turn != mine) condition.wait();
    turn = 1 - mine;
    condition.notify();
    condition.release();
  };
  const Partner partner{state, [&] { take_turn(1); }};
  for (auto _ : state) take_turn(0);
}
void BM_RoundTrip_PthreadCond(benchmark::State& state) {
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
  const Partner partner{state, [&] { take_turn(1); }};
  for (auto _ : state) take_turn(0);
}
void BM_Barrier2(benchmark::State& state) {
  const mp::Barrier barrier{2};
  const Partner partner{state, [&] { barrier.wait(); }};
  for (auto _ : state) barrier.wait();
}
void BM_Barrier2_Pthread(benchmark::State& state) {
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
  const Partner partner{state, [&] { pthread_barrier_wait(&at.barrier); }};
  for (auto _ : state) pthread_barrier_wait(&at.barrier);
}
#define BETWEEN_TWO(name) BENCHMARK(name)->ArgName("cpus")->Arg(1)->Arg(2)->UseRealTime()
BETWEEN_TWO(BM_RoundTrip_Semaphore);
BETWEEN_TWO(BM_RoundTrip_Event);
BETWEEN_TWO(BM_RoundTrip_SemT);
BETWEEN_TWO(BM_RoundTrip_Condition);
BETWEEN_TWO(BM_RoundTrip_PthreadCond);
BETWEEN_TWO(BM_Barrier2);
BETWEEN_TWO(BM_Barrier2_Pthread);

}  // namespace

BENCHMARK_MAIN();
