#include "support/family.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "base/futex.hpp"
#include "multiprocessing/arena/usage.hpp"
#include "support/leak_listener.hpp"
#include "support/watchdog.hpp"

namespace test_support {

using mp::detail::Deadline;

std::uint32_t Counters::raise(std::size_t index) const {
  const std::uint32_t before = (*this)[index].fetch_add(1);
  mp::detail::futex_wake_all((*this)[index]);
  return before;
}

void Counters::wait_for(std::uint32_t value, std::size_t index) const {
  for (std::uint32_t seen; (seen = (*this)[index].load()) < value;)
    mp::detail::futex_wait((*this)[index], seen, Deadline::never());
}

void wait_until(const std::function<bool()>& holds) {
  while (!holds()) sched_yield();
}

bool exists(pid_t pid) { return kill(pid, 0) == 0; }

InUse in_use() {
  mp::arena_sweep();
  const mp::ArenaUsage usage = mp::arena_usage();
  return {usage.objects, usage.blocks};
}

namespace {

void nothing() {}

// A small program has a reaper between itself and its fork server, a large one none. A sanitizer
// makes it a large one sooner or later; all tests shall see the same.
void be_large() {
  constexpr std::size_t size = std::size_t{100} << 20;
  void* much = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (much == MAP_FAILED) return;
  madvise(much, size, MADV_HUGEPAGE);  // which a fork is done with sooner
  std::memset(much, 1, size);
}

// The arena, the fork server and the pages of this process's ledger are made once and stay.
[[maybe_unused]] const bool warm = leak_listener::warm_up([] {
  if (sanitized()) be_large();
  std::vector<mp::detail::Handle> many;
  for (int i = 0; i < 800; ++i) many.push_back(mp::detail::Handle::make(1));
  for (const std::string& method : every_start_method) {
    mp::Process child = mp::get_context(method).Process(nothing);
    child.start();
    child.join();
  }
});

[[maybe_unused]] const bool probed = leak_listener::register_probe("arena use", [] {
  const InUse now = in_use();
  return std::to_string(now.objects) + " objects, " + std::to_string(now.blocks) + " blocks";
});

}  // namespace
}  // namespace test_support
