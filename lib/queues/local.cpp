#include "queues/local.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <memory>

#include "base/abstract_name.hpp"
#include "base/os_error.hpp"
#include "base/retrying.hpp"
#include "multiprocessing/base/errors.hpp"
#include "queues/book.hpp"
#include "queues/patience.hpp"
#include "queues/side.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::chrono::seconds time_for_bell{1};

Member member_of(const Bell& bell) { return Member::from(bell.member.load()); }

UniqueFd make_socket() {
  UniqueFd made{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (made.get() < 0) throw_os_error("socket");
  return made;
}

// A bell's word has room for the name as a number only.
std::uint32_t number_of(const AbstractName& name) {
  std::uint32_t number = 0;
  std::from_chars(name.begin(), name.end(), number, 16);
  return number;
}

AbstractName name_of(std::uint32_t number) {
  AbstractName name{};
  for (auto digit = name.rbegin(); digit != name.rend(); ++digit, number /= 16)
    *digit = "0123456789abcdef"[number % 16];
  return name;
}

/// Makes the socket of that name readable; the error when it is not.
int ring(std::uint32_t name) {
  const UniqueFd out{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (out.get() < 0) return errno;
  const AbstractAddress address{name_of(name)};
  if (sendto(out.get(), "", 1, MSG_NOSIGNAL, address.get(), address.size) >= 0) return 0;
  return errno == EAGAIN ? 0 : errno;  // full of what has been sent there: readable
}

/// Rings it if it is armed. Where that cannot be, as with no descriptor left here, it is armed
/// again, so that the next put rings it.
void ring_once(Bell& bell) {
  const std::uint32_t armed = bell.name.load();
  if ((armed & Bell::armed) == 0) return;
  std::uint32_t name = armed;
  if (!bell.name.compare_exchange_strong(name, armed & ~Bell::armed)) return;
  std::uint64_t member = bell.member.load();
  int error = 0;
  (void)retry_for_a_while([&] {
    error = ring(armed);
    return !is_short_of_memory(error);
  });
  if (error == 0) return;
  name = armed & ~Bell::armed;
  if (error != ECONNREFUSED)
    bell.name.compare_exchange_strong(name, armed);
  else if (bell.name.load() == name)
    // No process listens: its owner was killed. Another program may be given the name later.
    bell.member.compare_exchange_strong(member, 0);
}

[[noreturn]] void throw_closed(const QueueBody& body) {
  // As in Python, where SimpleQueue is a pipe with a lock.
  if (body.shape.kind == QueueKind::simple) throw_os_error(EBADF, "SimpleQueue", "it is closed");
  throw ValueError("the queue is closed in this process");
}

}  // namespace

OwnBell::OwnBell(const QueueRef& queue) : fd_(make_socket()) {
  const std::uint32_t name = number_of(bind_to_fresh_name(fd_.get()));
  // A process that polls has an event loop, which is not to stand still with another process.
  LazyDeadline limit{Timeout{time_for_bell}};
  const PutLock lock{queue, limit};
  if (!lock.held())
    throw TimeoutError("fileno() of a queue: another process stands still amid a put");
  for (std::size_t i = 0; i < bell_count; ++i) {
    Bell& bell = queue.body.bell(i);
    const Member owner = member_of(bell);
    if (owner && alive(owner)) continue;
    bell.name.store(name);
    bell.member.store(self().packed());
    bell_ = &bell;
    queue.body.get_wanted.fetch_or(bells_wanted);
    return;
  }
  throw_os_error(EMFILE, "queue", "eight processes poll it already");
}

OwnBell::~OwnBell() {
  if (bell_ != nullptr) bell_->member.store(0);
}

void OwnBell::arm(const QueueRef& queue) {
  char drop[8];
  while (recv(fd_.get(), drop, sizeof drop, 0) > 0) {
  }
  bell_->name.fetch_or(Bell::armed);
  queue.body.get_wanted.fetch_or(bells_wanted);
  queue.body.put.lock().fence();
  // First the flag, then the look: a producer does it the other way round, so one of us rings.
  const QueueBody& body = queue.body;
  if (body.tail.word.load() != body.head.word.load() || body.state.load() != QueueState::open)
    ring_once(*bell_);
}

namespace {

// Under the lock under which pollers come, or one of them would be forgotten when we died in it.
void forget_bells(QueueBody& body) {
  const BiasedLock lock = body.put.lock();
  const BiasedLock::Way way = lock.acquire_quickly();
  if (way == BiasedLock::Way::not_taken) return;  // another time
  bool any = false;
  for (std::size_t i = 0; i < bell_count; ++i) any = any || body.bell(i).member.load() != 0;
  if (!any) body.get_wanted.fetch_and(~bells_wanted);
  lock.release(way);
}

}  // namespace

void ring_bells(QueueBody& body) {
  bool any = false;
  for (std::size_t i = 0; i < bell_count; ++i) {
    Bell& bell = body.bell(i);
    if (bell.member.load() == 0) continue;
    any = true;
    ring_once(bell);
  }
  if (!any) forget_bells(body);
}

QueueLocal::~QueueLocal() {
  OwnBell* mine = bell.load();
  if (mine != nullptr && self_if_any() != owner) mine->disown();
  delete mine;
}

QueueLocal* local_of(const Handle& queue) {
  auto* local = static_cast<QueueLocal*>(queue.local_part());
  return local != nullptr && local->owner == self() ? local : nullptr;
}

// Without a mutex, which a forked child could find locked for ever.
QueueLocal& make_local(const Handle& queue) {
  for (;;) {
    if (QueueLocal* known = local_of(queue)) return *known;
    LocalPart* inherited = queue.local_part();
    auto made = std::make_unique<QueueLocal>(self());
    if (!queue.keep(inherited, made.get())) continue;
    made->inherit(inherited);
    return *made.release();
  }
}

void check_open(const QueueRef& queue) {
  if (queue.handle.local_part() == nullptr) return;
  const QueueLocal* local = local_of(queue.handle);
  if (local != nullptr && local->closed.load()) throw_closed(queue.body);
}

std::optional<std::uint32_t> entry_of(const QueueRef& queue, LazyDeadline& limit) {
  if (queue.body.shape.kind != QueueKind::joinable) return 0;
  QueueLocal& local = make_local(queue.handle);
  std::uint32_t entry = local.entry.load(std::memory_order_relaxed);
  if (entry != 0) return entry;
  const std::optional<std::uint32_t> made = own_entry(queue, limit);
  if (made) local.entry.store(*made);
  return made;
}

OwnBell& make_bell(const QueueRef& queue) {
  QueueLocal& local = make_local(queue.handle);
  OwnBell* known = local.bell.load();
  if (known != nullptr) return *known;
  auto made = std::make_unique<OwnBell>(queue);
  if (!local.bell.compare_exchange_strong(known, made.get())) return *known;
  return *made.release();
}

}  // namespace multiprocessing::detail
