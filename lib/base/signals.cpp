#include "multiprocessing/base/signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <exception>
#include <mutex>
#include <string>

#include "base/deadline.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/unique_fd.hpp"

namespace multiprocessing {
namespace detail {

/// What the handler writes to. A record that is not used any more is kept for the next object: it
/// is never freed, because a handler may be reading it.
struct CaughtSignals {
  std::atomic<std::uint64_t> wanted{0};  // bit 0 is signal 1
  std::atomic<std::uint64_t> come{0};
  std::atomic<int> bell{-1};             // an eventfd
  std::atomic<std::uint64_t> thread{0};  // its waits are interrupted; a number
  std::atomic<bool> used{true};
  CaughtSignals* next = nullptr;
};

namespace {

constexpr int most_signals = 64;

constexpr std::uint64_t bit_of(int signal) { return std::uint64_t{1} << (signal - 1); }

constinit std::atomic<CaughtSignals*> all{nullptr};
constinit std::atomic<int> handlers_running{0};
constinit std::atomic<pid_t> owner{0};  // the process that the handlers are for

// Guarded by the mutex; the handler reads `before` of a signal that has users.
struct Disposition {
  struct sigaction before {};
  int users = 0;
};
constinit std::mutex mutex;
std::array<Disposition, most_signals + 1> dispositions;

// ---- what comes

void ring(const CaughtSignals& caught) noexcept {
  const std::uint64_t one = 1;
  const int bell = caught.bell.load();
  if (bell >= 0) (void)!::write(bell, &one, sizeof one);
}

void silence(const CaughtSignals& caught) noexcept {
  std::uint64_t rings = 0;
  (void)!::read(caught.bell.load(), &rings, sizeof rings);
}

/// The lowest signal that has come and not been taken.
std::optional<int> take(CaughtSignals& caught) noexcept {
  std::uint64_t come = caught.come.load();
  if (come == 0) return std::nullopt;
  silence(caught);  // before the look: a signal that comes after it rings the doorbell again
  for (come = caught.come.load(); come != 0;) {
    const int signal = std::countr_zero(come) + 1;
    if (!caught.come.compare_exchange_strong(come, come & ~bit_of(signal))) continue;
    if ((come & ~bit_of(signal)) != 0) ring(caught);
    return signal;
  }
  return std::nullopt;
}

// ---- the handler

extern "C" void note_signal(int signal) {
  const int error = errno;
  // In a child that was made without fork(3) the handlers are still its parent's.
  if (::getpid() != owner.load()) {
    (void)::sigaction(signal, &dispositions[static_cast<std::size_t>(signal)].before, nullptr);
    (void)::raise(signal);
    errno = error;
    return;
  }
  handlers_running.fetch_add(1);
  for (CaughtSignals* each = all.load(); each != nullptr; each = each->next) {
    if ((each->wanted.load() & bit_of(signal)) == 0) continue;
    each->come.fetch_or(bit_of(signal));
    ring(*each);
  }
  handlers_running.fetch_sub(1);
  errno = error;
}

bool is_ours(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == note_signal;
}

/// What this signal did before, unless the program has set something else meanwhile.
void put_back(int signal) noexcept {
  struct sigaction now {};
  Disposition& disposition = dispositions[static_cast<std::size_t>(signal)];
  if (::sigaction(signal, nullptr, &now) == 0 && is_ours(now))
    (void)::sigaction(signal, &disposition.before, nullptr);
}

void let_go(std::uint64_t signals) noexcept {
  for (int signal = 1; signal <= most_signals; ++signal)
    if ((signals & bit_of(signal)) != 0 &&
        --dispositions[static_cast<std::size_t>(signal)].users == 0)
      put_back(signal);
}

void handle(int signal) {
  Disposition& disposition = dispositions[static_cast<std::size_t>(signal)];
  if (disposition.users == 0) {
    struct sigaction ours {};
    ours.sa_handler = note_signal;
    sigemptyset(&ours.sa_mask);
    if (::sigaction(signal, nullptr, &disposition.before) != 0 ||
        ::sigaction(signal, &ours, nullptr) != 0)
      throw ValueError("signal " + std::to_string(signal) + " cannot be caught");
  }
  ++disposition.users;
}

void handle_all(std::uint64_t signals) {
  std::uint64_t done = 0;
  try {
    for (int signal = 1; signal <= most_signals; ++signal) {
      if ((signals & bit_of(signal)) == 0) continue;
      handle(signal);
      done |= bit_of(signal);
    }
  } catch (...) {
    let_go(done);
    throw;
  }
}

// ---- forks

constinit thread_local bool is_asking = false;

void before_fork() { mutex.lock(); }
void in_parent() { mutex.unlock(); }

// The objects of the parent have no effect here, and their bells are its own.
void in_child() {
  for (int signal = 1; signal <= most_signals; ++signal)
    if (std::exchange(dispositions[static_cast<std::size_t>(signal)].users, 0) != 0)
      put_back(signal);
  for (CaughtSignals* each = all.load(); each != nullptr; each = each->next) {
    each->wanted = each->come = each->thread = 0;
    UniqueFd{each->bell.exchange(-1)}.reset();
  }
  handlers_running = 0;
  is_asking = false;
  mutex.unlock();
}

/// With the mutex held, which a fork takes.
void be_owner() {
  static const int registered = ::pthread_atfork(before_fork, in_parent, in_child);
  if (registered != 0) throw_os_error(registered, "pthread_atfork");
  owner = ::getpid();
}

// ---- records

CaughtSignals& claim_record() {
  for (CaughtSignals* each = all.load(); each != nullptr; each = each->next)
    if (!each->used.exchange(true)) return *each;
  auto* made = new CaughtSignals;
  made->next = all.load();
  all.store(made);
  return *made;
}

UniqueFd make_bell() {
  UniqueFd bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!bell) throw_os_error("eventfd", "for signals");
  return clear_of_stdio(std::move(bell));
}

std::uint64_t checked(std::initializer_list<int> signals) {
  constexpr std::array refused{SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
                               SIGILL,  SIGTRAP, SIGSYS,  SIGABRT};
  std::uint64_t bits = 0;
  for (const int signal : signals) {
    if (signal < 1 || signal > most_signals)
      throw ValueError(std::to_string(signal) + " is no signal");
    if (std::ranges::find(refused, signal) != refused.end())
      throw ValueError("signal " + std::to_string(signal) +
                       " cannot be caught: nothing goes on after it, or the system does not let");
    bits |= bit_of(signal);
  }
  return bits;
}

// ---- interruption

// How many Uninterrupted live.
constinit thread_local int shields = 0;

std::uint64_t own_number() {
  static constinit std::atomic<std::uint64_t> threads{0};
  thread_local constinit std::uint64_t number = 0;
  if (number == 0) number = threads.fetch_add(1) + 1;
  return number;
}

/// Takes no signal of `but`, which is being waited for.
void check_all(const CaughtSignals* but) {
  if (!may_be_interrupted()) return;
  const std::uint64_t me = own_number();
  bool asks = false;
  for (CaughtSignals* each = all.load(); each != nullptr; each = each->next) {
    if (each->thread.load() != me) continue;
    asks = true;
    if (each == but) continue;
    if (const auto signal = take(*each)) throw Interrupted{*signal};
  }
  is_asking = asks;
}

constinit std::atomic<int> end_signal{0};

}  // namespace

bool may_be_interrupted() noexcept {
  return is_asking && shields == 0 && std::uncaught_exceptions() == 0;
}

void check_interruption() { check_all(nullptr); }

Deadline interruptible(const Deadline& deadline) {
  check_all(nullptr);
  return may_be_interrupted() ? deadline.at_most(noticed_within) : deadline;
}

void end_by(int signal) noexcept { end_signal = signal; }

int ending_signal() noexcept { return end_signal; }

void die_of(int signal) noexcept {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  (void)::sigaction(signal, &by_default, nullptr);
  sigset_t it;
  sigemptyset(&it);
  sigaddset(&it, signal);
  (void)::raise(signal);
  (void)::pthread_sigmask(SIG_UNBLOCK, &it, nullptr);
  // One that is ignored by default, or in the first process of a container.
  ::_exit(128 + signal);
}

std::uint64_t ignored_but_caught() noexcept {
  const std::scoped_lock guard{mutex};
  std::uint64_t ignored = 0;
  for (int signal = 1; signal <= most_signals; ++signal) {
    const Disposition& disposition = dispositions[static_cast<std::size_t>(signal)];
    if (disposition.users != 0 && (disposition.before.sa_flags & SA_SIGINFO) == 0 &&
        disposition.before.sa_handler == SIG_IGN)
      ignored |= bit_of(signal);
  }
  return ignored;
}

}  // namespace detail

using detail::Deadline;

Signals::Signals(std::initializer_list<int> signals) {
  const std::uint64_t wanted = detail::checked(signals);
  detail::UniqueFd bell = detail::make_bell();
  const std::scoped_lock guard{detail::mutex};
  detail::be_owner();
  detail::CaughtSignals& caught = detail::claim_record();
  caught.bell = bell.release();
  caught.wanted = wanted;
  caught_ = &caught;
  try {
    detail::handle_all(wanted);
  } catch (...) {
    give_back(0);
    throw;
  }
}

Signals::~Signals() {
  const std::scoped_lock guard{detail::mutex};
  give_back(caught_->wanted.load());
}

// With the mutex held. In a forked child nothing is wanted any more.
void Signals::give_back(std::uint64_t handled) noexcept {
  detail::let_go(handled);
  caught_->wanted = 0;
  caught_->thread = 0;
  while (detail::handlers_running.load() != 0) ::sched_yield();  // they may be about to ring
  detail::UniqueFd{caught_->bell.exchange(-1)}.reset();
  caught_->come = 0;
  caught_->used = false;
}

std::optional<int> Signals::next() { return detail::take(*caught_); }

bool Signals::wait(Timeout timeout) {
  const Deadline deadline{timeout};
  for (;;) {
    if (caught_->come.load() != 0) return true;
    if (deadline.passed()) return false;
    detail::check_all(caught_);
    const Deadline until =
        detail::may_be_interrupted() ? deadline.at_most(detail::noticed_within) : deadline;
    const auto left = until.left_as_timespec();
    pollfd bell{.fd = fileno(), .events = POLLIN, .revents = 0};
    const int ready = ::ppoll(&bell, 1, left ? &*left : nullptr, nullptr);
    if (ready < 0 && errno != EINTR) detail::throw_os_error("poll", "for signals");
    if (ready > 0 && caught_->come.load() == 0) detail::silence(*caught_);
  }
}

int Signals::fileno() const noexcept { return caught_->bell.load(); }

void Signals::interrupt_waits() {
  if (caught_->wanted.load() == 0) return;
  caught_->thread = detail::own_number();
  detail::is_asking = true;
}

Uninterrupted::Uninterrupted() noexcept { ++detail::shields; }
Uninterrupted::~Uninterrupted() { --detail::shields; }

}  // namespace multiprocessing
