#include "base/fail_point.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <new>

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {

constinit std::atomic<bool> fail_points_armed{false};

namespace {

enum class Effect { kill, fail, stop };

// Never freed, since another thread may be looking at it while the next one is armed; a lock here
// could be held for ever in a forked child.
struct Armed {
  std::string name;
  Effect effect;
  std::atomic<unsigned> left;
  Armed* next;  // armed when this one has stopped the process
  const Armed* previous;
};
constinit std::atomic<Armed*> armed{nullptr};

struct Seen {
  std::atomic<const char*> name{nullptr};
  std::atomic<unsigned> passes{0};
};
constinit std::array<Seen, 1024> seen;
constinit std::atomic<bool> counting{false};

void switch_points() {
  const Armed* current = armed.load();
  fail_points_armed = counting || (current != nullptr && !current->name.empty());
}

void arm(std::string_view name, unsigned nth, Effect effect, Armed* next = nullptr) {
  if (nth == 0) throw ValueError{"fail points are counted from 1"};
  auto* point = new Armed{std::string{name}, effect, {nth}, next, armed.load()};
  armed.store(point, std::memory_order_release);
  switch_points();
}

void note(const char* name) {
  for (Seen& entry : seen) {
    const char* known = nullptr;
    if (entry.name.compare_exchange_strong(known, name) || std::string_view{known} == name) {
      entry.passes.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
}

}  // namespace

void arm_fail_point(std::string_view name, unsigned nth) { arm(name, nth, Effect::kill); }

void arm_fail_point_throw(std::string_view name, unsigned nth) { arm(name, nth, Effect::fail); }

void arm_fail_point_stop(std::string_view name, std::string_view then) {
  arm(name, 1, Effect::stop, new Armed{std::string{then}, Effect::kill, {1}, nullptr, nullptr});
}

void count_fail_points(bool on) {
  if (on) {
    for (Seen& entry : seen) {
      entry.name = nullptr;
      entry.passes = 0;
    }
  }
  counting = on;
  switch_points();
}

std::vector<std::string> fail_points_seen() {
  std::vector<std::string> names;
  for (const Seen& entry : seen)
    if (const char* name = entry.name.load()) names.emplace_back(name);
  return names;
}

unsigned fail_point_passes(std::string_view name) {
  for (const Seen& entry : seen) {
    const char* known = entry.name.load();
    if (known != nullptr && name == known) return entry.passes;
  }
  return 0;
}

void pass_fail_point(const char* name) {
  if (counting.load(std::memory_order_relaxed)) note(name);
  Armed* point = armed.load(std::memory_order_acquire);
  if (point == nullptr || point->name != name) return;
  if (point->left.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  if (point->effect == Effect::fail) throw std::bad_alloc{};
  if (point->effect == Effect::stop) armed.store(point->next, std::memory_order_release);
  ::kill(::getpid(), point->effect == Effect::stop ? SIGSTOP : SIGKILL);
}

}  // namespace multiprocessing::detail
