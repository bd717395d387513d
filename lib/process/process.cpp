#include "multiprocessing/process/process.hpp"

#include <signal.h>

#include <atomic>
#include <utility>

#include "arena/birth.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/detail/handover.hpp"
#include "process/child.hpp"
#include "process/popen.hpp"
#include "process/process_record.hpp"
#include "process/program_end.hpp"

namespace multiprocessing {
namespace detail {
namespace {

constinit thread_local bool receiving_process = false;

// A class of the user's may hold other Process objects; only the first one made is the process.
bool take_receiving() { return std::exchange(receiving_process, false); }

// Looking at every member costs a call per member, so not at every start.
constexpr unsigned starts_per_sweep = 64;

void sweep_now_and_then() {
  static std::atomic<unsigned> starts = 0;
  if (starts.fetch_add(1, std::memory_order_relaxed) % starts_per_sweep == starts_per_sweep - 1)
    (void)sweep();
}

}  // namespace

ReceivingProcess::ReceivingProcess() { receiving_process = true; }
ReceivingProcess::~ReceivingProcess() { receiving_process = false; }

}  // namespace detail

using detail::Child;
using detail::Deadline;

namespace {

Child& opened(const std::shared_ptr<Child>& child) {
  if (child == nullptr) throw ValueError("process object was moved from");
  child->check_open();
  return *child;
}

// The ends among the members of a user's object are the child's from now on, as those among the
// arguments of a function are. Only the object's serialize knows which they are.
template <class Write>
void hand_over_ends(const Write& write) {
  try {
    detail::Writer unused;
    detail::Envelope dropped;
    const detail::Envelope::Writing writing{dropped};
    const detail::HandingOver handing_over;
    write(unused);
  } catch (const std::exception& error) {
    get_logger().warning(std::string{"ends among the members of a process object stay open here, "
                                     "because its serialize failed: "} +
                         error.what());
  }
}

Child& named(const std::shared_ptr<Child>& child) {
  if (child == nullptr) throw ValueError("process object was moved from");
  return *child;
}

}  // namespace

Process::Process(detail::ProcessKind kind, ProcessOptions options,
                 std::unique_ptr<detail::Target> target)
    : child_(detail::take_receiving() ? Child::calling_process(kind)
                                      : std::make_shared<Child>(kind, std::move(options))),
      target_(std::move(target)) {}

Process::Process(Process&& other) noexcept = default;
Process& Process::operator=(Process&& other) noexcept = default;
Process::~Process() = default;

void Process::run() {
  if (target_ == nullptr)
    throw AssertionError("run() has no target any more: it was called, or the child was started");
  const auto target = std::move(target_);
  target->call();
}

void Process::write(detail::Writer& writer) const { target_->write(writer); }

void Process::start() {
  Child& child = opened(child_);
  child.check_startable(target_ != nullptr);
  detail::finish_at_exit();
  (void)detail::living_children();
  detail::sweep_now_and_then();
  const std::uint64_t ends_before = detail::ends_serialised();
  const auto write_to = [this](detail::Writer& writer) { write(writer); };
  child.start(
      [this] {
        child_->become_current();
        run();
      },
      write_to);
  detail::add_child(child_);
  if (target_ == nullptr && detail::ends_serialised() != ends_before) hand_over_ends(write_to);
  target_.reset();
}

void Process::join() { (void)opened(child_).join(Deadline::never()); }
bool Process::join(Timeout timeout) { return opened(child_).join(Deadline{timeout}); }
bool Process::is_alive() const { return opened(child_).is_alive(); }
void Process::terminate() { opened(child_).send_signal(SIGTERM); }
void Process::kill() { opened(child_).send_signal(SIGKILL); }
void Process::interrupt() { opened(child_).send_signal(SIGINT); }
void Process::close() { named(child_).close(); }

std::optional<pid_t> Process::pid() const {
  const pid_t pid = opened(child_).pid();
  return pid == 0 ? std::nullopt : std::optional{pid};
}

std::optional<int> Process::exitcode() const { return opened(child_).exitcode(); }
int Process::sentinel() const { return opened(child_).sentinel(); }

std::string Process::name() const { return named(child_).name(); }
void Process::set_name(std::string name) { named(child_).set_name(std::move(name)); }
bool Process::daemon() const { return named(child_).daemon(); }
void Process::set_daemon(bool daemon) { opened(child_).set_daemon(daemon); }
Bytes Process::authkey() const { return named(child_).authkey(); }
void Process::set_authkey(Bytes key) { named(child_).set_authkey(std::move(key)); }

ProcessHandle Process::handle() const {
  if (opened(child_).pid() == 0)
    throw AssertionError("a process has a handle once it was started: call start() first");
  return detail::handle_of(detail::record_of(child_));
}

std::string to_string(const Process& process) { return named(process.child_).describe(); }

}  // namespace multiprocessing
