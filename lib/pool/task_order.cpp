#include "pool/task_order.hpp"

#include <cerrno>
#include <string>

#include "base/os_error.hpp"

namespace multiprocessing::detail {

TaskRing& OrderSide::ring(std::uint32_t index) {
  if (!rings_[index]) rings_[index] = handle_from(links_[index]);
  return *rings_[index].as<TaskRing>();
}

TaskRing& OrderSide::chain(std::uint64_t capacity) {
  const std::uint32_t index = order_.rings.load();
  if (index == rings_per_order)
    throw_os_error(ENOMEM, "the order of a pool's tasks", std::to_string(capacity) + " tasks");
  // With a link, for that aligns it to a cache line.
  Handle made = Handle::make(sizeof(TaskRing) + capacity * sizeof(std::uint64_t), 1);
  made.as<TaskRing>()->capacity = capacity;
  hold(links_[index], made);
  rings_[index] = std::move(made);
  order_.rings.store(index + 1);
  return ring(index);
}

void OrderSide::push(TaskName name, std::uint64_t first_capacity) {
  const std::uint32_t rings = order_.rings.load();
  TaskRing* to = rings == 0 ? &chain(first_capacity) : &ring(rings - 1);
  std::uint64_t tail = to->tail.load(std::memory_order_relaxed);
  if (tail - to->head.load() == to->capacity) {
    to = &chain(2 * to->capacity);
    tail = 0;
  }
  to->entry(tail).store(name.bits(), std::memory_order_release);
  to->tail.store(tail + 1);  // the commit
}

std::optional<OrderSide::Front> OrderSide::front() {
  for (;;) {
    const std::uint32_t rings = order_.rings.load();  // before the look: more may come meanwhile
    if (rings == 0) return {};
    TaskRing& from = ring(at_);
    const std::uint64_t head = from.head.load();
    if (head < from.tail.load())
      return Front{&from, head, TaskName{from.entry(head).load(std::memory_order_acquire)}};
    if (at_ + 1 == rings) return {};
    ++at_;
  }
}

std::uint64_t OrderSide::length() {
  std::uint64_t length = 0;
  const std::uint32_t rings = order_.rings.load();
  for (std::uint32_t index = at_; index < rings; ++index) {
    const std::uint64_t head = ring(index).head.load();  // first: it never passes the tail
    length += ring(index).tail.load() - head;
  }
  return length;
}

bool OrderSide::take(const Front& front) {
  std::uint64_t seen = front.position;
  return front.ring->head.compare_exchange_strong(seen, seen + 1);
}

}  // namespace multiprocessing::detail
