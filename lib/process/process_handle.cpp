#include "multiprocessing/process/process_handle.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "arena/family.hpp"
#include "base/death.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/child.hpp"
#include "process/identity.hpp"
#include "process/process_record.hpp"

namespace multiprocessing {
namespace {

using namespace detail;
using std::chrono::milliseconds;
using Record = std::shared_ptr<ProcessRecord>;

// How often a wait looks whether the process lives, for the cases where its pidfd cannot tell.
constexpr milliseconds look{50};

bool is_current(const ProcessRecord& process) { return process.member == self_if_any(); }

/// Null when the process is no child of this one.
Child* child_of_ours(const ProcessRecord& process) {
  return process.child != nullptr && process.child->is_ours() ? process.child.get() : nullptr;
}

Record record_of_current() {
  return std::make_shared<ProcessRecord>(self(), getpid(), current_name(), current_is_daemon());
}

// ---- a process that is neither this one nor a child of it

/// -1 when it has ended, or cannot be seen from this pid namespace.
int pidfd_of(ProcessRecord& process) {
  int known = process.pidfd.load(std::memory_order_acquire);
  if (known >= 0) return known;
  UniqueFd opened{static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0))};
  // The process lived after the descriptor was opened, so its id was its own then.
  if (!opened || !alive(process.member)) return -1;
  if (!process.pidfd.compare_exchange_strong(known, opened.get(), std::memory_order_acq_rel))
    return known;
  return opened.release();
}

// The family takes a child that was killed before it had come to life for one on its way, until its
// parent looks; the kernel knows better.
bool relative_lives(ProcessRecord& process) {
  if (!alive(process.member)) return false;
  const int fd = pidfd_of(process);
  return fd < 0 || !wait_readable(fd, Deadline{Timeout{milliseconds{0}}});
}

std::optional<int> exitcode_of_relative(ProcessRecord& process) {
  if (relative_lives(process)) return std::nullopt;
  if (const int fd = process.pidfd.load(std::memory_order_acquire); fd >= 0)
    if (auto code = exit_code_of_stranger(fd)) return code;
  return left_exit_code(process.member);
}

bool join_relative(ProcessRecord& process, const Deadline& deadline) {
  while (relative_lives(process)) {
    if (deadline.passed()) return false;
    check_interruption();
    const Deadline slice = deadline.at_most(look);
    if (const int fd = pidfd_of(process); fd >= 0)
      (void)await_readable(fd, slice);
    else
      std::this_thread::sleep_for(slice.left());
  }
  return true;
}

void signal_relative(ProcessRecord& process, int signal) {
  const int fd = pidfd_of(process);
  // Without a pidfd, where that call is refused: it lived a moment ago, so the number was its own.
  const bool told = fd >= 0                   ? signal_process(fd, process.pid, signal)
                    : relative_lives(process) ? ::kill(process.pid, signal) == 0 || errno == ESRCH
                                              : true;
  if (!told) throw_os_error("kill", process.name);
}

// ---- any

bool join(ProcessRecord& process, const Deadline& deadline) {
  if (is_current(process))
    throw AssertionError("can only join a child process, not the calling one");
  Child* const child = child_of_ours(process);
  return child != nullptr ? child->join(deadline) : join_relative(process, deadline);
}

void send_signal(ProcessRecord& process, int signal) {
  if (is_current(process))
    (void)::kill(getpid(), signal);
  else if (Child* const child = child_of_ours(process))
    child->send_signal(signal);
  else
    signal_relative(process, signal);
}

void check_current(const ProcessRecord& process) {
  if (!is_current(process))
    throw AssertionError("only the calling process can be changed by its handle");
}

}  // namespace

ProcessHandle::ProcessHandle() = default;
ProcessHandle::ProcessHandle(Record process) : process_(std::move(process)) {}

ProcessHandle::ProcessHandle(const Wire& wire) {
  if (wire.slot == 0) return;
  const Member member{wire.slot, wire.generation};
  if (member == self_if_any())
    process_ = record_of_current();
  else if (auto child = child_with(member))
    process_ = record_of(std::move(child));
  else
    process_ = std::make_shared<ProcessRecord>(member, wire.pid, wire.name, wire.daemon);
}

ProcessHandle::Wire ProcessHandle::wire() const {
  if (process_ == nullptr) return {};
  const Member member = process_->member;
  return {member.slot, member.generation, process_->pid, process_->daemon, name()};
}

ProcessRecord& ProcessHandle::known() const {
  if (process_ == nullptr) throw ValueError("this handle is of no process");
  return *process_;
}

pid_t ProcessHandle::pid() const { return known().pid; }
bool ProcessHandle::daemon() const { return known().daemon; }

std::string ProcessHandle::name() const {
  if (is_current(known())) return current_name();
  const Child* const child = child_of_ours(known());
  return child != nullptr ? child->name() : known().name;
}

bool ProcessHandle::is_alive() const {
  if (is_current(known())) return true;
  Child* const child = child_of_ours(known());
  return child != nullptr ? child->is_alive() : relative_lives(known());
}

std::optional<int> ProcessHandle::exitcode() const {
  if (is_current(known())) return std::nullopt;
  Child* const child = child_of_ours(known());
  return child != nullptr ? child->exitcode() : exitcode_of_relative(known());
}

void ProcessHandle::join() const { (void)multiprocessing::join(known(), Deadline::never()); }
bool ProcessHandle::join(Timeout timeout) const {
  return multiprocessing::join(known(), Deadline{timeout});
}

void ProcessHandle::terminate() const { send_signal(known(), SIGTERM); }
void ProcessHandle::kill() const { send_signal(known(), SIGKILL); }
void ProcessHandle::interrupt() const { send_signal(known(), SIGINT); }

int ProcessHandle::sentinel() const {
  if (is_current(known()))
    throw ValueError("the calling process has no sentinel: it does not see its own end");
  if (Child* const child = child_of_ours(known())) return child->sentinel();
  if (const int fd = pidfd_of(known()); fd >= 0) return fd;
  throw_os_error(ESRCH, "pidfd_open", known().name);
}

Bytes ProcessHandle::authkey() const {
  if (is_current(known())) return current_authkey();
  if (const Child* const child = child_of_ours(known())) return child->authkey();
  throw ValueError("the authkey of another process is not known here: keys are never sent");
}

void ProcessHandle::set_name(std::string name) const {
  check_current(known());
  rename_current(std::move(name));
}

void ProcessHandle::set_authkey(Bytes key) const {
  check_current(known());
  set_current_authkey(std::move(key));
}

detail::Member detail::member_of(const ProcessHandle& process) { return process.process_->member; }

ProcessHandle detail::handle_of(Record process) { return ProcessHandle{std::move(process)}; }

ProcessHandle current_process() { return handle_of(record_of_current()); }

std::optional<ProcessHandle> parent_process() {
  if (auto parent = current_parent()) return handle_of(std::move(parent));
  return std::nullopt;
}

std::vector<ProcessHandle> active_children() {
  std::vector<ProcessHandle> handles;
  for (auto& child : living_children()) handles.push_back(handle_of(record_of(std::move(child))));
  return handles;
}

}  // namespace multiprocessing
