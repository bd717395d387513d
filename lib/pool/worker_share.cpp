#include "pool/worker_share.hpp"

#include <dlfcn.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/base/cpu_count.hpp"
#include "multiprocessing/base/logging.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

struct Variable {
  const char* name;
  const char* setter;  // for a library that has read it already; may be there or not
};
constexpr std::array variables{Variable{"OMP_NUM_THREADS", "omp_set_num_threads"},
                               Variable{"OPENBLAS_NUM_THREADS", "openblas_set_num_threads"},
                               Variable{"MKL_NUM_THREADS", "MKL_Set_Num_Threads"},
                               Variable{"NUMEXPR_NUM_THREADS", nullptr}};

// In a worker: its processors for pools of its own, and which variables stand in its environment
// because its pool has set them. A process that it forks has them, too.
constinit std::atomic<bool> in_worker{false};
constinit std::atomic<std::uint32_t> processors_here{0};
constinit std::atomic<std::uint32_t> set_by_pool{0};

std::uint32_t processors_to_give() {
  return in_worker.load() ? processors_here.load() : static_cast<std::uint32_t>(cpu_count());
}

/// For a process of one thread. Not by setenv, whose lock may have been held by a thread that the
/// fork of this process has left behind. All of the environment before it stays in memory.
void set_variable(const std::string& name, const std::string& value) {
  auto* const made = new std::vector<char*>;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each)
    if (!std::string_view{*each}.starts_with(name + '=')) made->push_back(*each);
  made->push_back(strdup((name + '=' + value).c_str()));
  made->push_back(nullptr);
  environ = made->data();
}

void set_threads(const Variable& variable, std::uint32_t threads) {
  set_variable(variable.name, std::to_string(threads));
  if (variable.setter == nullptr) return;
  if (void* const setter = dlsym(RTLD_DEFAULT, variable.setter))
    reinterpret_cast<void (*)(int)>(setter)(static_cast<int>(threads));
}

void pin_to(int index) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int place = index % std::max(1, CPU_COUNT(&allowed));
  for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &allowed) || place-- > 0) continue;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(processor, &own);
    if (sched_setaffinity(0, sizeof own, &own) != 0)
      get_logger().warning("a worker cannot be pinned to a processor: it runs on all of them");
    return;
  }
}

}  // namespace

int default_processes() { return std::max(1, static_cast<int>(processors_to_give())); }

WorkerShare share_of_each(int workers, bool pinned) {
  const auto number = static_cast<std::uint32_t>(workers);
  const std::uint32_t all = processors_to_give();
  WorkerShare share;
  share.processors = all > number ? (all - number) / number : 0;
  share.threads = pinned ? 1 : std::max(1U, all / number);
  share.pinned = pinned;
  for (std::size_t i = 0; i < variables.size(); ++i)
    if ((set_by_pool.load() >> i & 1) == 0 && std::getenv(variables[i].name) != nullptr)
      share.set_by_user |= 1U << i;
  return share;
}

void take_share(const WorkerShare& share, int index) {
  in_worker = true;
  processors_here = share.processors;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if ((share.set_by_user >> i & 1) != 0) continue;
    set_threads(variables[i], share.threads);
    set_by_pool |= 1U << i;
  }
  if (share.pinned) pin_to(index);
}

}  // namespace multiprocessing::detail
