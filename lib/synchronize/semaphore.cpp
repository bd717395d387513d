#include "multiprocessing/synchronize/semaphore.hpp"

#include <cerrno>
#include <utility>

#include "base/os_error.hpp"
#include "multiprocessing/base/errors.hpp"
#include "synchronize/units.hpp"

namespace multiprocessing {
namespace {

using detail::Handle;
using detail::LockCore;
using detail::LockKind;

void construct(LockCore& core, LockKind kind, std::uint32_t units) {
  core.kind = kind;
  core.most = kind == LockKind::semaphore ? detail::most_units : units;
  core.word = kind == LockKind::ledger ? 0 : units;
}

// A variable that is about to receive another semaphore has one unit: it is made at first use only.
constexpr detail::ObjectMaker one_unit{
    sizeof(LockCore),
    [](void* body) { construct(*static_cast<LockCore*>(body), LockKind::semaphore, 1); }};
constexpr detail::ObjectMaker at_most_one_unit{
    sizeof(LockCore),
    [](void* body) { construct(*static_cast<LockCore*>(body), LockKind::bounded, 1); }};

Handle make(LockKind kind, int value) {
  if (value < 0) detail::throw_os_error(EINVAL, "Semaphore", "negative value");
  const bool booked = kind == LockKind::ledger;
  if (booked && value > detail::most_booked_units)
    throw ValueError("a semaphore that returns the units of the dead has at most 65536");
  const auto units = static_cast<std::uint32_t>(value);
  Handle handle = Handle::make(sizeof(LockCore) + (booked ? units * sizeof(std::uint32_t) : 0));
  construct(*handle.as<LockCore>(), kind, units);
  return handle;
}

}  // namespace

Semaphore::Semaphore(int value)
    : Semaphore(value == 1 ? Handle{one_unit} : make(LockKind::semaphore, value)) {}

Semaphore::Semaphore(SemaphoreOptions options)
    : Semaphore(make(options.return_units_of_dead ? LockKind::ledger : LockKind::semaphore,
                     options.value)) {}

BoundedSemaphore::BoundedSemaphore(int value)
    : Semaphore(value == 1 ? Handle{at_most_one_unit} : make(LockKind::bounded, value)) {}

int Semaphore::get_value() const { return static_cast<int>(detail::free_units(core())); }

std::string to_string(const Semaphore& semaphore) {
  const LockCore& core = semaphore.core();
  const std::string value = std::to_string(semaphore.get_value());
  if (core.kind == LockKind::semaphore) return "<Semaphore(value=" + value + ")>";
  const char* kind =
      core.kind == LockKind::bounded ? "<BoundedSemaphore(value=" : "<Semaphore(value=";
  return kind + value + ", maxvalue=" + std::to_string(core.most) + ")>";
}

}  // namespace multiprocessing
