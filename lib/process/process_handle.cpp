#include "multiprocessing/process/process_handle.hpp"

#include <signal.h>

#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "process/access.hpp"
#include "process/child.hpp"
#include "process/current.hpp"
#include "process/home_process.hpp"
#include "process/identity.hpp"
#include "process/stranger.hpp"

namespace multiprocessing {
namespace {

using detail::Deadline;
using detail::KnownProcess;
using detail::Member;

std::shared_ptr<KnownProcess> at_home(std::shared_ptr<KnownProcess> process) {
  return std::make_shared<detail::HomeProcess>(std::move(process));
}

std::shared_ptr<KnownProcess> find(Member member, pid_t pid, const std::string& name, bool daemon) {
  if (member == detail::self_if_any()) return at_home(std::make_shared<detail::Current>());
  for (auto& child : detail::living_children())
    if (child->member() == member) return at_home(std::move(child));
  return std::make_shared<detail::Stranger>(member, pid, name, daemon);
}

void check_current(const KnownProcess& process) {
  if (!process.is_current())
    throw AssertionError("only the calling process can be changed by its handle");
}

}  // namespace

ProcessHandle::ProcessHandle() = default;
ProcessHandle::ProcessHandle(std::shared_ptr<KnownProcess> process)
    : process_(std::move(process)) {}

ProcessHandle::ProcessHandle(const Wire& wire)
    : process_(wire.slot == 0
                   ? nullptr
                   : find({wire.slot, wire.generation}, wire.pid, wire.name, wire.daemon)) {}

ProcessHandle::Wire ProcessHandle::wire() const {
  if (process_ == nullptr) return {};
  const Member member = process_->member();
  return {member.slot, member.generation, process_->pid(), process_->daemon(), process_->name()};
}

KnownProcess& ProcessHandle::known() const {
  if (process_ == nullptr) throw ValueError("this handle is of no process");
  return *process_;
}

pid_t ProcessHandle::pid() const { return known().pid(); }
std::string ProcessHandle::name() const { return known().name(); }
bool ProcessHandle::daemon() const { return known().daemon(); }
bool ProcessHandle::is_alive() const { return known().is_alive(); }
std::optional<int> ProcessHandle::exitcode() const { return known().exitcode(); }
void ProcessHandle::join() const { (void)known().join(Deadline::never()); }
bool ProcessHandle::join(Timeout timeout) const { return known().join(Deadline{timeout}); }
void ProcessHandle::terminate() const { known().send_signal(SIGTERM); }
void ProcessHandle::kill() const { known().send_signal(SIGKILL); }
void ProcessHandle::interrupt() const { known().send_signal(SIGINT); }
int ProcessHandle::sentinel() const { return known().sentinel(); }
Bytes ProcessHandle::authkey() const { return known().authkey(); }

void ProcessHandle::set_name(std::string name) const {
  check_current(known());
  detail::rename_current(std::move(name));
}

void ProcessHandle::set_authkey(Bytes key) const {
  check_current(known());
  detail::set_current_authkey(std::move(key));
}

ProcessHandle current_process() {
  return detail::ProcessAccess::handle(at_home(std::make_shared<detail::Current>()));
}

std::optional<ProcessHandle> parent_process() {
  if (auto parent = detail::current_parent())
    return detail::ProcessAccess::handle(std::move(parent));
  return std::nullopt;
}

std::vector<ProcessHandle> active_children() {
  std::vector<ProcessHandle> handles;
  for (auto& child : detail::living_children())
    handles.push_back(detail::ProcessAccess::handle(at_home(std::move(child))));
  return handles;
}

}  // namespace multiprocessing
