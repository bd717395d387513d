#include "multiprocessing/process/process_handle.hpp"

#include <signal.h>

#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "process/access.hpp"
#include "process/children.hpp"
#include "process/current.hpp"
#include "process/identity.hpp"
#include "process/stranger.hpp"

namespace multiprocessing {
namespace {

using detail::Deadline;
using detail::KnownProcess;
using detail::Member;

std::shared_ptr<KnownProcess> find(Member member, pid_t pid, const std::string& name, bool daemon) {
  if (member == detail::self_if_any()) return std::make_shared<detail::Current>();
  for (auto& child : detail::living_children())
    if (child->member() == member) return std::move(child);
  return std::make_shared<detail::Stranger>(member, pid, name, daemon);
}

detail::Current& current(KnownProcess& process) {
  auto* current = dynamic_cast<detail::Current*>(&process);
  if (current == nullptr)
    throw AssertionError("only the calling process can be changed by its handle");
  current->check_here();
  return *current;
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
  current(known());
  detail::rename_current(std::move(name));
}

void ProcessHandle::set_authkey(Bytes key) const {
  current(known());
  detail::set_current_authkey(std::move(key));
}

ProcessHandle current_process() {
  return detail::ProcessAccess::handle(std::make_shared<detail::Current>());
}

std::optional<ProcessHandle> parent_process() {
  if (auto parent = detail::current_parent())
    return detail::ProcessAccess::handle(std::move(parent));
  return std::nullopt;
}

std::vector<ProcessHandle> active_children() {
  std::vector<ProcessHandle> handles;
  for (auto& child : detail::living_children())
    handles.push_back(detail::ProcessAccess::handle(std::move(child)));
  return handles;
}

}  // namespace multiprocessing
