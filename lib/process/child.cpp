#include "process/child.hpp"

#include "process/children_of_daemons.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "arena/family.hpp"
#include "arena/settle.hpp"
#include "base/death.hpp"
#include "base/interruption.hpp"
#include "base/never_destroyed.hpp"
#include "base/os_error.hpp"
#include "base/process_name.hpp"
#include "base/start_hook.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/identity.hpp"
#include "process/report.hpp"
#include "process/start_method.hpp"

namespace multiprocessing::detail {
namespace {

constexpr const char* before_main =
    "a process cannot be started before main: a spawned child runs static constructors too, and "
    "would start it again without end. Where this is thrown inside main, call "
    "multiprocessing::freeze_support() as its first line";

const Deadline now{std::chrono::seconds{0}};

constexpr unsigned to_whole_group = 1U << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

// A start takes no longer than a child needs to begin, and half of one would be lost. When it fails
// that may be because the same signal has killed the child, or the fork server.
std::unique_ptr<Popen> popen_uninterrupted(const Launch& launch) {
  try {
    const Uninterrupted shield;
    switch (launch.preparation.method) {
      case StartMethod::fork:
        return popen_fork(launch);
      case StartMethod::spawn:
        return popen_spawn(launch);
      case StartMethod::forkserver:
        break;
    }
    return popen_forkserver(launch);
  } catch (const std::exception&) {
    check_interruption();
    throw;
  }
}

std::string numbered(const Lineage& lineage) {
  std::string text;
  for (unsigned number : lineage) text += (text.empty() ? "-" : ":") + std::to_string(number);
  return text;
}

// Of a group that does not exist yet, the leader to be is the only member.
bool signal_group(const Popen& popen, int signal) {
  if (syscall(SYS_pidfd_send_signal, popen.pidfd.get(), signal, nullptr, to_whole_group) == 0)
    return true;
  // A kernel that does not know the flag, or a sandbox that refuses the call.
  return errno != ESRCH && ::kill(-popen.pid, signal) == 0;
}

// Guarded by the gate.
Children& children() {
  static NeverDestroyed<Children> children;
  return children.get();
}

// The parent's are not its own. An empty list keeps its memory: most forked children have no use
// for the pages that it takes to give that back.
const InForkedChild in_forked_child{[] {
  if (!children().empty()) children() = {};
}};

void remove_child(const Child& child) {
  std::shared_ptr<Child> removed;  // destroyed after the gate is let go
  std::scoped_lock guard{fork_gate()};
  auto found = std::ranges::find(children(), &child, &std::shared_ptr<Child>::get);
  if (found == children().end()) return;
  removed = std::move(*found);
  children().erase(found);
}

}  // namespace

Child::Child(ProcessKind kind, ProcessOptions options)
    : Child(kind, std::move(options), next_lineage()) {}

Child::Child(ProcessKind kind, ProcessOptions options, Lineage lineage)
    : creator_pid_(getpid()),
      kind_(kind),
      options_(std::move(options)),
      lineage_(std::move(lineage)),
      name_(first_name()),
      daemon_(options_.daemon.value_or(current_is_daemon())),
      authkey_(current_authkey()) {}

std::shared_ptr<Child> Child::calling_process(ProcessKind kind) {
  const auto parent = current_parent();
  std::shared_ptr<Child> child{new Child{kind, {.name = current_name()}, {}}};
  child->creator_pid_ = parent == nullptr ? 0 : parent->pid;
  child->become_current();
  return child;
}

void Child::become_current() {
  is_current_ = true;
  member_ = self();
}

std::string Child::kind_name() const {
  if (kind_.type != nullptr) return short_name(*kind_.type);
  if (!kind_.method) return "Process";
  switch (*kind_.method) {
    case StartMethod::fork:
      return "ForkProcess";
    case StartMethod::spawn:
      return "SpawnProcess";
    case StartMethod::forkserver:
      break;
  }
  return "ForkServerProcess";
}

std::string Child::first_name() const {
  return options_.name.empty() ? kind_name() + numbered(lineage_) : options_.name;
}

std::unique_lock<std::mutex> Child::lock() const {
  if (creator_.is_this_process()) return std::unique_lock{mutex_};
  return std::unique_lock{mutex_, std::try_to_lock};
}

std::string Child::name() const {
  if (is_current_) return current_name();
  const auto guard = lock();
  return guard ? name_ : first_name();
}

void Child::set_name(std::string name) {
  if (is_current_) return rename_current(std::move(name));
  std::scoped_lock guard{mutex_};
  name_ = std::move(name);
}

bool Child::daemon() const {
  const auto guard = lock();
  return guard ? daemon_ : options_.daemon.value_or(false);
}

void Child::set_daemon(bool daemon) {
  if (started() || is_current_) throw AssertionError("process has already started");
  std::scoped_lock guard{mutex_};
  daemon_ = daemon;
}

Bytes Child::authkey() const {
  if (is_current_) return current_authkey();
  const auto guard = lock();
  return guard ? authkey_ : current_authkey();
}

void Child::set_authkey(Bytes key) {
  if (is_current_) return set_current_authkey(std::move(key));
  std::scoped_lock guard{mutex_};
  authkey_ = std::move(key);
}

std::string Child::describe() {
  std::string text = '<' + kind_name() + " name='" + name() + '\'';
  if (const pid_t number = pid(); number != 0) text += " pid=" + std::to_string(number);
  text += " parent=" + std::to_string(creator_pid_) + ' ';
  if (state_.load() == State::closed) {
    text += "closed";
  } else if (is_current_) {
    text += "started";
  } else if (!creator_.is_this_process()) {
    text += "unknown";
  } else if (!started()) {
    text += "initial";
  } else if (const auto code = poll()) {
    text += "stopped exitcode=" + describe_exit_code(*code);
  } else {
    text += "started";
  }
  return text + (daemon() ? " daemon>" : ">");
}

void Child::check_open() const {
  if (state_.load() == State::closed) throw ValueError("process object is closed");
}

void Child::check_creator(const char* doing) const {
  if (!is_ours())
    throw AssertionError(std::string{"can only "} + doing + " a child process, and '" + name() +
                         "' is not a child of this one");
}

void Child::check_started(const char* doing) const {
  check_creator(doing);
  if (!started())
    throw AssertionError(std::string{"can only "} + doing +
                         " a started process: call start() first");
}

void Child::check_startable(bool has_target) const {
  check_open();
  if (started() || is_current_)
    throw AssertionError("cannot start a process twice: make another object for another child");
  if (!has_target && kind_.type == nullptr)
    throw AssertionError("the process has no target any more: run() was called");
  if (!creator_.is_this_process())
    throw AssertionError("can only start a process object created by current process");
  if (current_is_daemon() && !ChildrenOfDaemons::allowed())
    throw AssertionError("daemonic processes are not allowed to have children");
  if (!start_hook_has_run()) throw std::runtime_error(before_main);
}

Preparation Child::preparation() const {
  Preparation told;
  told.method = kind_.method ? *kind_.method : start_method_of_program();
  told.name = name();
  told.authkey = authkey();
  told.daemon = daemon();
  told.lineage = lineage_;
  told.outlive_parent = options_.outlive_parent;
  told.own_group = options_.own_group;
  told.keep_handlers = options_.keep_handlers;
  told.parent =
      self();  // the arena is made before its first child, or the child would make another
  told.parent_pid = getpid();
  told.parent_name = current_name();
  told.command_name = command_name();
  told.logging = logging_state();
  return told;
}

void Child::start(std::function<void()> run, std::function<void(Writer&)> write_body) {
  const Launch launch{preparation(), std::move(run), std::move(write_body)};
  std::shared_ptr<Popen> popen = popen_uninterrupted(launch);
  std::scoped_lock guard{mutex_};
  member_ = popen->member;
  pid_ = popen->pid;
  popen_ = std::move(popen);
  state_ = State::started;
}

void Child::close() {
  if (started() && state_.load() != State::closed && creator_.is_this_process() && !poll())
    throw ValueError(
        "Cannot close a process while it is still running. You should first call join() or "
        "terminate().");
  remove_child(*this);
  std::shared_ptr<Popen> dropped;
  const auto guard = lock();
  if (guard) dropped = std::move(popen_);
  state_ = State::closed;
}

std::shared_ptr<Popen> Child::popen() const {
  std::scoped_lock guard{mutex_};
  return popen_;
}

std::optional<int> Child::poll() {
  const auto popen = this->popen();
  if (popen != nullptr && !popen->has_ended(now)) return std::nullopt;
  return find_exitcode(popen.get(), std::unique_lock{ending_});
}

std::optional<int> Child::find_exitcode(Popen* popen, const std::unique_lock<std::mutex>&) {
  if (exitcode_ || popen == nullptr) return exitcode_;
  exitcode_ = popen->poll();
  if (!exitcode_) return exitcode_;
  popen->life.close();
  note_exit_code(popen->member, *exitcode_);
  settle(popen->member);
  remove_child(*this);
  return exitcode_;
}

pid_t Child::pid() const { return is_current_ ? getpid() : pid_.load(); }

bool Child::is_alive() {
  if (is_current_) return true;
  check_creator("test");
  if (!started()) return false;
  const auto popen = this->popen();
  if (popen != nullptr && !popen->has_ended(now)) return true;
  if (const std::unique_lock guard{ending_, std::try_to_lock})
    (void)find_exitcode(popen.get(), guard);
  return false;
}

std::optional<int> Child::exitcode() { return is_ours() ? poll() : std::nullopt; }

bool Child::join(const Deadline& deadline) {
  check_started("join");
  for (;;) {
    const auto popen = this->popen();
    if (popen == nullptr) return true;
    if (!popen->has_ended(deadline)) return false;
    if (find_exitcode(popen.get(), std::unique_lock{ending_})) return true;
  }
}

int Child::sentinel() {
  const auto popen = is_ours() ? this->popen() : nullptr;
  if (popen == nullptr) throw ValueError("process not started: call start() first");
  return popen->pidfd.get();
}

void Child::send_signal(int signal) {
  check_started("signal");
  const auto popen = this->popen();
  if (popen == nullptr || poll()) return;
  if (options_.own_group && signal_group(*popen, signal)) return;
  if (signal_process(popen->pidfd.get(), popen->pid, signal)) return;
  const int error = errno;
  // A child that has become another user's, or a sandbox: the kernel kills it all the same when its
  // life pipe closes, because the child itself has asked for that.
  if (signal == SIGKILL && !options_.outlive_parent) return popen->life.close();
  throw_os_error(error, "kill", name());
}

void add_child(std::shared_ptr<Child> child) {
  std::scoped_lock guard{fork_gate()};
  children().push_back(std::move(child));
}

Children all_children() {
  std::scoped_lock guard{fork_gate()};
  return children();
}

Children living_children() {
  Children living = all_children();
  std::erase_if(living, [](const auto& child) { return !child->is_alive(); });
  return living;
}

std::shared_ptr<ProcessRecord> record_of(std::shared_ptr<Child> child) {
  const Child& it = *child;
  return std::make_shared<ProcessRecord>(it.member(), it.pid(), it.name(), it.daemon(),
                                         std::move(child));
}

std::shared_ptr<Child> child_with(Member member) {
  for (auto& child : all_children())
    if (child->member() == member) return std::move(child);
  return nullptr;
}

}  // namespace multiprocessing::detail
