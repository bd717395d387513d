// What is asked of a queue beside its messages: counts, ends, descriptors, tasks.
#include <algorithm>
#include <string>

#include "arena/event_count.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "multiprocessing/detail/queue_core.hpp"
#include "queues/book.hpp"
#include "queues/local.hpp"
#include "queues/patience.hpp"
#include "queues/side.hpp"
#include "queues/views.hpp"

namespace multiprocessing::detail {
namespace {

void wake_all(const QueueRef& queue) {
  QueueBody& body = queue.body;
  call_all(body.tail);
  call_all(body.head);
  ring_bells(body);
  body.tasks.notify_all();
}

std::string counted(std::size_t messages) {
  return std::to_string(messages) + (messages == 1 ? " message" : " messages");
}

[[noreturn]] void throw_unread(const QueueRef& queue) {
  const std::size_t left = queue.body.tail.get().items - queue.body.head.get().items;
  const LastReader last = last_reader(queue);
  throw WorkerDied(last.what + ", and no reader of the queue is left for " + counted(left),
                   last.pid, last.exitcode);
}

}  // namespace

std::size_t QueueCore::qsize() const {
  const QueueRef queue{handle_};
  const Position head = queue.body.head.get();  // first: it never passes the tail
  return queue.body.tail.get().items - head.items;
}

bool QueueCore::empty() const {
  const QueueRef queue{handle_};
  if (closed() && (queue.body.shape.kind == QueueKind::simple || queue.body.tail.get().items != 0))
    throw_os_error(EBADF, "empty", "the queue's handle is closed");
  return qsize() == 0;
}

bool QueueCore::full() const {
  const QueueRef queue{handle_};
  return queue.body.shape.max_items != 0 && qsize() >= queue.body.shape.max_items;
}

void QueueCore::close() const {
  const QueueRef queue{handle_};
  make_local(queue.handle).closed.store(true);
}

bool QueueCore::closed() const {
  const QueueRef queue{handle_};
  const QueueLocal* local = local_of(queue.handle);
  return local != nullptr && local->closed.load();
}

void QueueCore::join_thread() const {
  if (!closed()) throw AssertionError("join_thread() of a queue that is not closed: close() first");
}

void QueueCore::shutdown(bool immediate) const {
  const QueueRef queue{handle_};
  set_state(queue, immediate ? QueueState::shut : QueueState::draining);
  if (immediate) drop_messages(queue);
  wake_all(queue);
}

bool QueueCore::is_shut_down() const {
  return QueueRef{handle_}.body.state.load() != QueueState::open;
}

int QueueCore::fileno() const {
  const QueueRef queue{handle_};
  check_open(queue);
  OwnBell& bell = make_bell(queue);
  bell.arm(queue);
  return bell.fd();
}

void QueueCore::task_done() const {
  const QueueRef queue{handle_};
  if (queue.body.shape.kind != QueueKind::joinable)
    throw AssertionError("task_done() of a queue that is no JoinableQueue");
  LazyDeadline limit{Timeout::forever};
  finish_one(queue, *entry_of(queue, limit));
}

bool QueueCore::join(Timeout timeout) const {
  const QueueRef queue{handle_};
  QueueBody& body = queue.body;
  LazyDeadline limit{timeout};
  const Deadline deadline = limit.get();
  bool unread = false;
  for (Wait wait{back_off::tasks, "JoinableQueue.join"};;) {
    const std::uint32_t key = body.tasks.prepare();
    if (unfinished(queue) == 0) return true;
    if (const auto debtor = find_debtor(queue, limit)) {
      check_interruption();  // it may have died of the same signal
      throw WorkerDied(
          debtor->what + " with " + counted(debtor->messages) + " that it had got and not finished",
          debtor->pid, debtor->exitcode);
    }
    if (unread) throw_unread(queue);
    if (queue.body.tail.get().items != queue.body.head.get().items)
      unread = !has_views(queue, QueueEnd::reader);
    if (unread) continue;  // the last one may have finished, or got, some before it went
    if (deadline.passed()) return false;
    // The end of the last reader view is told of by nothing.
    const bool of_views = had_views(queue, QueueEnd::reader);
    body.tasks.wait(wait, key, of_views ? deadline.at_most(untold) : deadline);
  }
}

Handle QueueCore::token_of(QueueEnd end) const { return make_token(QueueRef{handle_}, end); }

void QueueCore::check_arrived(QueueKind expected, const MessageType& messages) const {
  if (!handle_) return;
  const QueueShape& shape = handle_.as<QueueBody>()->shape;
  const bool kinds_differ = shape.kind != expected &&
                            !(shape.kind == QueueKind::joinable && expected == QueueKind::plain);
  if (kinds_differ)
    throw SerializationError("this is a queue of another kind than the one of " + messages.name() +
                             " that was to be received");
  if (shape.fingerprint == messages.fingerprint()) return;
  throw SerializationError("each message of this queue is " +
                           MessageType::describe(shape.fingerprint, messages) +
                           ", and a queue of " + messages.name() + " was to be received");
}

void throw_full() { throw Full("the queue is full"); }
void throw_empty() { throw Empty("the queue is empty"); }

}  // namespace multiprocessing::detail
