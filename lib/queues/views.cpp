#include "queues/views.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "arena/birth.hpp"
#include "base/deadline.hpp"
#include "process/exit_code_of.hpp"
#include "queues/local.hpp"
#include "queues/member_name.hpp"
#include "queues/side.hpp"

namespace multiprocessing::detail {
namespace {

const Link& token_link(const QueueRef& queue, QueueEnd end) {
  return queue.link(first_token_link + static_cast<std::uint32_t>(end));
}

/// In the token of readers: those that came last. Only messages tell of it, so nothing is mended.
struct Readers {
  std::atomic<std::uint32_t> next;
  MemberName entries[8];
};

}  // namespace

bool had_views(const QueueRef& queue, QueueEnd end) { return token_link(queue, end).load() != 0; }

bool has_views(const QueueRef& queue, QueueEnd end) {
  const QueueLocal* local = local_of(queue.handle);
  if (local != nullptr && local->views[static_cast<int>(end)].load() > 0) return true;
  const Handle token = handle_from(token_link(queue, end));
  if (!token) return true;
  constexpr std::uint32_t the_queue_and_us = 2;
  if (holders_of(token) <= the_queue_and_us) return false;
  sweep();  // the others may be dead
  return holders_of(token) > the_queue_and_us;
}

Handle make_token(const QueueRef& queue, QueueEnd end) {
  LazyDeadline limit{Timeout::infinite};
  const PutLock lock{queue, limit};
  Link& link = queue.link(first_token_link + static_cast<std::uint32_t>(end));
  if (Handle known = handle_from(link)) return known;
  Handle made = Handle::make(end == QueueEnd::reader ? sizeof(Readers) : 1);
  hold(link, made);
  return made;
}

void enrol_reader(const QueueRef& queue) {
  const QueueLocal* local = local_of(queue.handle);
  if (local != nullptr && local->reads.load(std::memory_order_relaxed)) return;
  if (const Handle token = handle_from(token_link(queue, QueueEnd::reader)))
    enrol_reader(queue.handle, token);
}

void enrol_reader(const Handle& queue, const Handle& token) {
  if (make_local(queue).reads.exchange(true)) return;
  auto& readers = *token.as<Readers>();
  const auto is_free = [](const MemberName& entry) {
    const Member member = entry.member();
    return !member || member == self();
  };
  auto* entry = std::ranges::find_if(readers.entries, is_free);
  if (entry == std::end(readers.entries))
    entry = &readers.entries[readers.next.fetch_add(1) % std::size(readers.entries)];
  entry->set_to_this_process();
}

namespace {

LastReader of_the_dead(const Readers& readers) {
  LastReader last;
  for (const MemberName& entry : readers.entries) {
    const Member member = entry.member();
    if (!member || alive(member) || last.exitcode != 0) continue;
    last.pid = entry.pid();
    last.exitcode = exit_code_of(member);
    last.what = "the last reader, " + entry.describe() + ", " + describe_end(last.exitcode);
  }
  return last;
}

LastReader of_the_living(const Readers& readers) {
  LastReader last{.what = "its last reader view is gone"};
  for (const MemberName& entry : readers.entries) {
    const Member member = entry.member();
    if (!member || member == self() || !alive(member)) continue;
    last.pid = entry.pid();
    last.what = "the last reader, " + entry.describe() + ", has let its view go";
  }
  return last;
}

}  // namespace

LastReader last_reader(const QueueRef& queue) {
  using namespace std::chrono_literals;
  const Handle token = handle_from(token_link(queue, QueueEnd::reader));
  const Readers& readers = *token.as<Readers>();
  // A process that ends lets its views go before it is dead.
  for (const Deadline deadline{200ms};; std::this_thread::sleep_for(2ms)) {
    LastReader dead = of_the_dead(readers);
    if (!dead.what.empty()) return dead;
    if (LastReader living = of_the_living(readers); living.pid == 0 || deadline.passed())
      return living;
  }
}

}  // namespace multiprocessing::detail
