#include "process/starter.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/rights.hpp"
#include "base/thread_status.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

constexpr int of_a_process = 1;  // IOPRIO_WHO_PROCESS
constexpr int class_shift = 13;  // of an I/O priority
constexpr int real_time_class = 1;

// By their numbers, since the C library hides two of them.
constexpr std::size_t signal_set = sizeof(Settings::blocked_signals);
constexpr int last_signal = 8 * signal_set;

bool is_real_time(int policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }

int io_priority() { return static_cast<int>(syscall(SYS_ioprio_get, of_a_process, 0)); }

/// As the child of a fork has it.
void read_scheduling(Settings& settings) {
  errno = 0;
  settings.nice = getpriority(PRIO_PROCESS, 0);
  settings.policy = std::max(sched_getscheduler(0), 0);
  if (is_real_time(settings.policy & ~SCHED_RESET_ON_FORK)) {
    sched_param parameters{};
    (void)sched_getparam(0, &parameters);
    settings.real_time = parameters.sched_priority;
  }
  if ((settings.policy & SCHED_RESET_ON_FORK) == 0) return;
  settings.policy &= ~SCHED_RESET_ON_FORK;
  settings.nice = settings.real_time > 0 ? 0 : std::max(settings.nice, 0);
  if (settings.real_time > 0) settings.policy = SCHED_OTHER;
  settings.real_time = 0;
}

void read_processors(Settings& settings) {
  auto& mask = settings.processors;
  const long bytes = syscall(SYS_sched_getaffinity, 0, mask.size(), mask.data());
  settings.processor_bytes = bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

Settings read_settings(const ThreadStatus& status) {
  Settings settings;
  (void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &settings.blocked_signals, signal_set);
  settings.ignored_signals = status.number("SigIgn", 16) | ignored_but_caught();
  settings.umask = static_cast<mode_t>(status.number("Umask", 8));
  read_scheduling(settings);
  settings.io_priority = io_priority();
  read_processors(settings);
  for (unsigned i = 0; i < settings.limits.size(); ++i)
    (void)syscall(SYS_prlimit64, 0, i, nullptr, &settings.limits[i]);
  return settings;
}

constexpr std::array limit_names{
    "RLIMIT_CPU",      "RLIMIT_FSIZE", "RLIMIT_DATA",   "RLIMIT_STACK",
    "RLIMIT_CORE",     "RLIMIT_RSS",   "RLIMIT_NPROC",  "RLIMIT_NOFILE",
    "RLIMIT_MEMLOCK",  "RLIMIT_AS",    "RLIMIT_LOCKS",  "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE", "RLIMIT_NICE",  "RLIMIT_RTPRIO", "RLIMIT_RTTIME"};

void adopt_limits(const Settings& now, const Settings& begun) {
  for (unsigned i = 0; i < now.limits.size(); ++i) {
    if (now.limits[i] == begun.limits[i]) continue;
    if (syscall(SYS_prlimit64, 0, i, &now.limits[i], nullptr) != 0)
      throw_os_error("setrlimit", i < limit_names.size() ? limit_names[i] : std::to_string(i));
  }
}

void adopt_scheduling(const Settings& now, const Settings& begun) {
  if (now.nice != begun.nice && setpriority(PRIO_PROCESS, 0, now.nice) != 0)
    throw_os_error("setpriority", std::to_string(now.nice));
  // It may have followed the other priority.
  if (now.io_priority != begun.io_priority && now.io_priority != io_priority() &&
      syscall(SYS_ioprio_set, of_a_process, 0, now.io_priority) != 0)
    throw_os_error("ioprio_set", std::to_string(now.io_priority));
  if (now.processor_bytes != 0 && now.processors != begun.processors &&
      syscall(SYS_sched_setaffinity, 0, now.processor_bytes, now.processors.data()) != 0)
    throw_os_error("sched_setaffinity");
}

void adopt_ignored_signals(const Settings& now, const Settings& begun) {
  const std::uint64_t differ = now.ignored_signals ^ begun.ignored_signals;
  for (int number = 1; differ != 0 && number <= last_signal; ++number) {
    const std::uint64_t bit = std::uint64_t{1} << (number - 1);
    if ((differ & bit) != 0)
      (void)signal(number, (now.ignored_signals & bit) != 0 ? SIG_IGN : SIG_DFL);
  }
}

}  // namespace

Starter Starter::calling_thread() {
  std::scoped_lock guard{fork_gate()};  // a child forked meanwhile would keep the files open
  const ThreadStatus status;
  return {own_rights(status), read_settings(status)};
}

void Starter::write(Writer& writer) const {
  detail::write(writer, rights);
  writer.raw(settings);
}

Starter Starter::read(Reader& reader) {
  Starter starter;
  starter.rights = detail::read<std::string>(reader);
  starter.settings = reader.raw<Settings>();
  return starter;
}

bool may_serve(const Starter& begun, const Starter& now) {
  if (now.rights.empty() || now.rights != begun.rights) return false;
  const Settings& from = begun.settings;
  const Settings& to = now.settings;
  // The ways back may be closed to the child, though its starter could go them once.
  if (to.nice < from.nice || to.policy != from.policy || to.real_time != from.real_time)
    return false;
  if (to.io_priority != from.io_priority && to.io_priority >> class_shift == real_time_class)
    return false;
  for (std::size_t i = 0; i < to.limits.size(); ++i)
    if (to.limits[i].hard > from.limits[i].hard) return false;
  return true;
}

void adopt(const Settings& now, const Settings& begun) {
  if (now.umask != begun.umask) (void)::umask(now.umask);
  adopt_scheduling(now, begun);
  adopt_limits(now, begun);
  adopt_ignored_signals(now, begun);
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &now.blocked_signals, nullptr, signal_set);
}

}  // namespace multiprocessing::detail
