// Forks of this process, by our start method or by other code: the child is a member from its first
// instruction on, with everything that its parent held.
#include "arena/birth.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include "arena/asking_part.hpp"
#include "arena/handles.hpp"
#include "arena/identity.hpp"
#include "arena/settle.hpp"
#include "arena/warm_blocks.hpp"
#include "arena/windows.hpp"
#include "base/deadline.hpp"
#include "base/fail_point.hpp"
#include "base/unique_fd.hpp"
#include "base/waiting.hpp"
#include "base/write_whole.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

/// A raw fork under way: pthread_atfork does not tell the parent whether fork worked, so a pipe
/// does: end-of-file with the slot still unborn means that there is no child.
struct RawBirth {
  Member child;
  UniqueFd pipe;
};
// Null until the first; a child that our own start method forks never has any, and should not pay
// for finding that out.
constinit std::vector<RawBirth>* known_raw_births = nullptr;

std::vector<RawBirth>& raw_births() {
  if (known_raw_births == nullptr) known_raw_births = new std::vector<RawBirth>;
  return *known_raw_births;
}

// The child of a fork by this library, which learns how the fork ended. Found without a call of the
// loader: every child would have to map that.
[[gnu::tls_model("initial-exec")]] thread_local Member planned;

/// Ends the raw forks that are over. Where the child never came to life, its registration is rolled
/// back; returns how many were.
int sweep_births() {
  int rolled_back = 0;
  std::erase_if(raw_births(), [&](const RawBirth& birth) {
    pollfd end{birth.pipe.get(), POLLIN, 0};
    if (poll(&end, 1, 0) == 0) return false;  // the child is still on its way
    const auto word = StateWord::from(segment().states[birth.child.slot].load());
    const bool unborn =
        word.state == SlotState::unborn && word.generation == birth.child.generation;
    rolled_back += unborn && settle_locked(birth.child);
    return true;
  });
  return rolled_back;
}

/// Between the prepare step and the two after it; guarded by the ledger mutex, held all the while.
struct ForkUnderWay {
  bool by_outsider = false;  // nothing is locked: an outsider may never come to unlock
  Member child;
  std::uint32_t first_link = 0;
  UniqueFd read_end;
  UniqueFd write_end;
};
ForkUnderWay under_way;

/// A slot for a child of this process; none when all are taken even after settling the dead.
Member reserve_for_child(const Segment& arena) {
  const std::uint32_t parent = checked_self().slot;
  Member child = reserve_slot(arena, parent);
  if (!child && sweep_locked() != 0) child = reserve_slot(arena, parent);
  return child;
}

/// Locks both mutexes but that of windows. Makes the arena first if there are handles without an
/// object: parent and child would each make one.
void lock_for_fork() {
  for (bool may_make = true;;) {
    attach_mutex().lock();
    ledger_mutex().lock();
    if (!may_make || segment_if_any() != nullptr || !HandleTable::instance().has_lazy()) return;
    ledger_mutex().unlock();
    attach_mutex().unlock();
    try {
      static_cast<void>(segment());
    } catch (const std::exception&) {
      may_make = false;  // the handles stay lazy and say why when they are used
    }
  }
}

bool open_birth_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  under_way.read_end.reset(ends[0]);
  under_way.write_end.reset(ends[1]);
  return true;
}

void book_child() {
  HandleTable& table = HandleTable::instance();
  table.make_lazy();
  const Segment& arena = segment();
  const bool raw = !planned;
  Member child = planned;
  if (raw) {
    sweep_births();
    raw_births().reserve(raw_births().size() + 1);
    if (!open_birth_pipe()) return;
    child = reserve_for_child(arena);
    if (!child) return;  // the fork goes on, the child is outside
  }
  under_way.first_link = arena.slots[child.slot].links_used.load();
  fail_point("arena.fork.reserved");
  if (table.enter_in_ledger_of(child))
    under_way.child = child;
  else if (raw)
    settle_locked(child);
}

void before_fork() {
  const bool outsider = segment_if_any() != nullptr && !self_if_any();
  if (!outsider) lock_for_fork();
  under_way = {};
  under_way.by_outsider = outsider;
  if (self_if_any()) {  // the child of an outsider is an outsider
    try {
      book_child();
    } catch (const std::exception&) {
      under_way.child = {};
    }
  }
  // Locked last, because entering handles may map more windows; and held over the fork, or the
  // child could have windows mapped that its copy of the notes lacks.
  if (!outsider) windows_mutex().lock();
  fail_point("arena.fork.prepared");
}

/// A child whose parent has ended is not born, for its registration is taken for what a dead one
/// left. Parents of daemons end at once, so a fork lasts until the child is born; but not for long
/// if that is stopped.
void wait_for_birth(int pipe) {
  try {
    (void)wait_readable(pipe, Deadline{std::chrono::seconds{1}});
  } catch (const std::exception&) {
    // It is born in time, or it is outside of the family.
  }
}

void after_in_parent() {
  const int error = errno;  // fork's own, if it failed
  if (std::exchange(under_way.by_outsider, false)) return;
  if (under_way.child && under_way.write_end) {
    under_way.write_end.reset();
    wait_for_birth(under_way.read_end.get());
    raw_births().push_back({under_way.child, std::move(under_way.read_end)});
  }
  under_way = {};
  windows_mutex().unlock();
  ledger_mutex().unlock();
  attach_mutex().unlock();
  errno = error;
}

void after_in_child() {
  if (std::exchange(under_way.by_outsider, false)) return;
  windows_mutex().unlock();  // first: taking over what the parent held may map more
  if (known_raw_births != nullptr) known_raw_births->clear();
  if (under_way.child && join_family(*segment_if_any(), under_way.child))
    HandleTable::instance().move_to(under_way.child, under_way.first_link);
  under_way = {};
  planned = {};
  ledger_mutex().unlock();
  attach_mutex().unlock();
}

// At load time, before any handle can exist.
[[maybe_unused]] const int registered =
    pthread_atfork(before_fork, after_in_parent, after_in_child);

[[noreturn]] void end_unborn() {
  const char* why = strerrordesc_np(join_error() != 0 ? join_error() : ENOMEM);
  write_whole(STDERR_FILENO, join_error() != 0
                                 ? "a forked process cannot join its family: fcntl: "
                                 : "a forked process has no room for what it should hold: ");
  write_whole(STDERR_FILENO, why);
  write_whole(STDERR_FILENO, "\n");
  _exit(255);
}

pid_t fork_planned(Member child) {
  planned = child;
  const pid_t pid = ::fork();
  planned = {};
  if (pid == 0 && self_if_any() != child) end_unborn();
  return pid;
}

// The child writes its own process id; but it may die before it comes so far.
void leave_pid(Member child, pid_t pid) {
  std::uint64_t unknown = pid_word(child, 0);
  segment().slots[child.slot].pid.compare_exchange_strong(unknown, pid_word(child, pid));
}

/// An unborn child of this process, with `handles` in its reference table.
Member prepare_child(std::span<const Handle> handles) {
  const Member child = reserve_for_child(segment());
  if (!child)
    throw ProcessError("4,095 processes share the arena: no room for another; end some first");
  try {
    for (const Handle& handle : handles) ledger_add(new_ledger_link(child), handle.offset());
    fail_point("arena.birth.booked");
  } catch (...) {
    settle_locked(child);
    throw;
  }
  return child;
}

}  // namespace

Birth::Birth(const OutgoingHandles& arguments) {
  static_cast<void>(self());
  {
    std::scoped_lock guard{ledger_mutex()};
    child_ = prepare_child(arguments.handles());
  }
  try {
    tell_asking_parts(arguments, child_);
  } catch (...) {
    settle(child_);  // no Birth will exist to do it
    throw;
  }
}

Birth::Birth(Birth&& other) noexcept
    : child_(other.child_), mine_(std::exchange(other.mine_, false)) {}

Birth::~Birth() {
  if (!mine_ || !self_if_any()) return;
  try {
    std::scoped_lock guard{ledger_mutex()};
    settle_locked(child_);
  } catch (const std::exception&) {
    // The next sweep of any member settles it.
  }
}

void Birth::delivered(pid_t pid) noexcept {
  mine_ = false;
  leave_pid(child_, pid);
}

pid_t Birth::fork() {
  const pid_t pid = fork_planned(child_);
  const int error = errno;
  if (pid == 0) mine_ = false;
  if (pid > 0) delivered(pid);
  errno = error;
  return pid;
}

ArenaAddress address_for(const Birth& birth) {
  const Segment& arena = segment();
  return {arena_magic,     arena.header->arena, arena.arena_fd,
          arena.family_fd, arena.bequest_fd,    birth.child()};
}

pid_t fork_for(Member child) {
  const Segment& arena = segment();
  std::uint64_t seen = arena.states[child.slot].load();
  StateWord word = StateWord::from(seen);
  const bool waiting = word.state == SlotState::unborn && word.generation == child.generation;
  word.by = self().slot;  // if the parent dies now, its settler leaves the child to us
  if (!waiting || !arena.states[child.slot].compare_exchange_strong(seen, word.packed())) {
    errno = ESRCH;
    return -1;
  }
  fail_point("arena.birth.adopted");
  const pid_t pid = fork_planned(child);
  const int error = errno;
  // Not left to the requester, which may be dead.
  if (pid > 0) leave_pid(child, pid);
  if (pid < 0) settle(child);
  errno = error;
  return pid;
}

int sweep() {
  const Segment* const arena = segment_if_any();
  if (arena == nullptr) return 0;
  std::scoped_lock guard{ledger_mutex()};
  if (self_if_any()) give_back_warm(*arena);
  const int births = sweep_births();
  try {
    return births + sweep_locked();
  } catch (const OSError&) {
    return births;  // as in settle(): the next sweep settles them
  }
}

BirthHandles::BirthHandles() {
  const Member child = self();
  std::scoped_lock guard{ledger_mutex()};
  HandleTable::instance().adopt_ledger(child);
}

BirthHandles::~BirthHandles() {
  try {
    std::scoped_lock guard{ledger_mutex()};
    HandleTable::instance().drop_unclaimed();
  } catch (const std::exception&) {
    // They are released with this process, or were where other members took it for dead.
  }
}

}  // namespace multiprocessing::detail
