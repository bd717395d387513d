// What the arena costs, beside what one would use instead, in the same run. Pin to one CPU for
// figures that can be compared: taskset -c 1 build/bench/arena_bench
#include <benchmark/benchmark.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/interprocess/managed_shared_memory.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "arena/birth.hpp"
#include "arena/blocks.hpp"
#include "arena/family.hpp"
#include "arena/message_handles.hpp"
#include "arena/owner_lock.hpp"
#include "arena/settle.hpp"
#include "multiprocessing/arena/usage.hpp"

namespace {

namespace mp = multiprocessing;
namespace interprocess = boost::interprocess;
using mp::detail::Block;
using mp::detail::Handle;

// One iteration: a block of N bytes is allocated and freed.
void BM_AllocateFree(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  static_cast<void>(mp::detail::self());
  for (auto _ : state) benchmark::DoNotOptimize(Block{bytes}.data());
}
BENCHMARK(BM_AllocateFree)->Arg(48)->Arg(1000)->Arg(30'000)->Arg(1 << 20);

void BM_AllocateFree_Malloc(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* memory = std::malloc(bytes);
    benchmark::DoNotOptimize(memory);
    std::free(memory);
  }
}
BENCHMARK(BM_AllocateFree_Malloc)->Arg(48)->Arg(1000)->Arg(30'000)->Arg(1 << 20);

void BM_AllocateFree_BoostManagedSegment(benchmark::State& state) {
  const std::string name = "arena_bench_" + std::to_string(getpid());
  interprocess::shared_memory_object::remove(name.c_str());
  interprocess::managed_shared_memory segment{interprocess::create_only, name.c_str(), 16 << 20};
  for (auto _ : state) {
    void* memory = segment.allocate(static_cast<std::size_t>(state.range(0)));
    benchmark::DoNotOptimize(memory);
    segment.deallocate(memory);
  }
  interprocess::shared_memory_object::remove(name.c_str());
}
BENCHMARK(BM_AllocateFree_BoostManagedSegment)->Arg(48)->Arg(1000)->Arg(30'000)->Arg(1 << 20);

// One iteration: one of 1000 live blocks of 48 bytes, at random, is freed and allocated anew.
template <class Exchange>
void exchange_at_random(benchmark::State& state, Exchange exchange) {
  unsigned random = 1;
  for (auto _ : state) {
    random = random * 1664525 + 1013904223;
    exchange(random % 1000);
  }
}
void BM_Exchange(benchmark::State& state) {
  std::vector<Block> blocks(1000);
  exchange_at_random(state, [&](unsigned i) {
    blocks[i] = Block{};
    blocks[i] = Block{48};
  });
}
BENCHMARK(BM_Exchange);

void BM_Exchange_Malloc(benchmark::State& state) {
  std::vector<void*> blocks(1000);
  exchange_at_random(state, [&](unsigned i) {
    std::free(blocks[i]);
    blocks[i] = std::malloc(48);
  });
  for (void* block : blocks) std::free(block);
}
BENCHMARK(BM_Exchange_Malloc);

// One iteration: an object is made, held by this process alone, and dropped.
void BM_MakeDropObject(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Handle::make(40).body());
}
BENCHMARK(BM_MakeDropObject);

// One iteration: a handle is copied and the copy dropped.
void BM_CopyHandle(benchmark::State& state) {
  const Handle handle = Handle::make(40);
  for (auto _ : state) benchmark::DoNotOptimize(Handle{handle});
}
BENCHMARK(BM_CopyHandle);

// One iteration: a link holds an object once more, and releases it.
void BM_HoldRelease(benchmark::State& state) {
  const Handle object = Handle::make(40);
  const Handle holder = Handle::make(8, 1);
  auto& link = mp::detail::links_of(holder)[0];
  for (auto _ : state) {
    hold(link, object);
    mp::detail::release(link);
  }
}
BENCHMARK(BM_HoldRelease);

// One iteration: an uncontended lock is taken and released.
void BM_Lock(benchmark::State& state) {
  const Handle object = Handle::make(sizeof(mp::detail::OwnerLock));
  auto& lock = *object.as<mp::detail::OwnerLock>();
  for (auto _ : state) {
    benchmark::DoNotOptimize(lock.acquire());
    lock.release();
  }
}
BENCHMARK(BM_Lock);

void BM_Lock_RobustPthread(benchmark::State& state) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, &attributes);
  for (auto _ : state) {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
  }
  pthread_mutex_destroy(&mutex);
}
BENCHMARK(BM_Lock_RobustPthread);

// One iteration: whether another process lives is asked.
void BM_Alive(benchmark::State& state) {
  mp::detail::Birth birth;
  const pid_t pid = birth.fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  while (mp::detail::pid_of(birth.child()) == 0) usleep(100);
  for (auto _ : state) benchmark::DoNotOptimize(mp::detail::alive(birth.child()));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  mp::detail::settle(birth.child());
}
BENCHMARK(BM_Alive);

// One iteration: a process with N handles forks a child, which ends at once.
template <class Fork>
void fork_and_wait(benchmark::State& state, Fork fork_child) {
  std::vector<Handle> handles;
  for (int i = 0; i < state.range(0); ++i) handles.push_back(Handle::make(1));
  for (auto _ : state) {
    const pid_t pid = fork_child();
    if (pid == 0) _exit(0);
    waitpid(pid, nullptr, 0);
  }
}
void BM_Fork(benchmark::State& state) {
  fork_and_wait(state, [] { return fork(); });
  mp::arena_sweep();
}
BENCHMARK(BM_Fork)->Arg(0)->Arg(100)->Arg(10'000);

void BM_Fork_WithoutOurHandlers(benchmark::State& state) {
  fork_and_wait(state, [] { return _Fork(); });
}
BENCHMARK(BM_Fork_WithoutOurHandlers)->Arg(0)->Arg(100)->Arg(10'000);

// One iteration: a new program makes an arena of its own and ends, against one that does not.
void execute(benchmark::State& state, const char* what) {
  for (auto _ : state) {
    const pid_t pid = vfork();
    if (pid == 0) {
      execl("/proc/self/exe", "arena_bench", what, nullptr);
      _exit(1);
    }
    waitpid(pid, nullptr, 0);
  }
}
void BM_Attach(benchmark::State& state) { execute(state, "--attach"); }
BENCHMARK(BM_Attach);
void BM_Attach_ExecAlone(benchmark::State& state) { execute(state, "--nothing"); }
BENCHMARK(BM_Attach_ExecAlone);

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "--attach") static_cast<void>(mp::detail::self());
  if (what == "--attach" || what == "--nothing") return 0;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
