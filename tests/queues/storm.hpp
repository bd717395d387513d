// Producers and consumers at work on one queue, for tests that kill some of them: what each message
// must be, and what becomes of it.
#pragma once

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "arena/children.hpp"
#include "queue_suite.hpp"

namespace queues_test {

/// Shared by all processes of a storm, beside the arena.
struct StormBoard {
  static constexpr std::uint64_t numbers = 1 << 26;
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> next;  // number of the next message
  std::atomic<std::uint32_t> producers;
  std::atomic<std::uint64_t> torn;
  std::atomic<std::uint64_t> twice;
  std::atomic<std::uint64_t> disordered;
  std::atomic<std::uint64_t> steps[8];  // of each worker that is not a victim
  std::atomic<std::uint8_t> seen[numbers];
};

[[nodiscard]] constexpr std::uint64_t seal_of(std::uint64_t number) {
  return (number + 1) * 0x9e3779b97f4a7c15;
}

/// Goes flat, in records without headers.
struct FlatMessage {
  std::uint64_t number;
  std::uint64_t producer;
  std::uint64_t seals[3];

  static FlatMessage make(std::uint64_t number, std::uint32_t producer) {
    return {number, producer, {seal_of(number), seal_of(number + 1), seal_of(number + 2)}};
  }
  [[nodiscard]] bool whole() const {
    return seals[0] == seal_of(number) && seals[1] == seal_of(number + 1) &&
           seals[2] == seal_of(number + 2);
  }
};

/// Goes by the ring, a slot or an object, as its number says.
struct RichMessage {
  std::uint64_t number = 0;
  std::uint64_t producer = 0;
  std::string text;
  std::optional<mp::Queue<std::uint64_t>> queue;

  static std::size_t size_of(std::uint64_t number) {
    return number % 5 == 0 ? 4100 + number % 13'000 : number % 300;
  }
  static RichMessage make(std::uint64_t number, std::uint32_t producer) {
    RichMessage made{number, producer, std::string(size_of(number), char('a' + number % 26)), {}};
    if (number % 7 == 0) made.queue.emplace().put(seal_of(number));
    return made;
  }
  [[nodiscard]] bool whole() const {
    return text == std::string(size_of(number), char('a' + number % 26)) &&
           queue.has_value() == (number % 7 == 0) && (!queue || queue->get() == seal_of(number));
  }
};

template <class Queue>
class Storm {
 public:
  using Message = typename Queue::value_type;

  explicit Storm(Queue queue) : queue_(std::move(queue)) {}
  Storm(const Storm&) = delete;

  [[nodiscard]] StormBoard& board() { return *board_; }
  [[nodiscard]] const Queue& queue() const { return queue_; }

  /// Puts until told to stop, or `most` messages.
  int produce(std::atomic<std::uint64_t>* steps, int most = 1 << 30) {
    const std::uint32_t me = board_->producers++;
    for (int i = 0; i < most && !board_->stop; ++i) {
      while (queue_.qsize() > 300 && !board_->stop) sched_yield();
      if (i % 64 == 63) usleep(100);  // messages enough for an hour
      const Message message = Message::make(board_->next++, me);
      while (!queue_.try_put(message, 20ms))
        if (board_->stop) return 0;  // it is counted as missing, with those of the killed
      if (steps != nullptr) ++*steps;
    }
    return 0;
  }

  int consume(std::atomic<std::uint64_t>* steps, int most = 1 << 30) {
    std::map<std::uint64_t, std::uint64_t> last;
    for (int i = 0; i < most && !board_->stop; ++i) {
      const auto message = queue_.try_get(2ms);
      if (!message) continue;
      note(*message);
      auto [known, fresh] = last.try_emplace(message->producer, message->number);
      if (!fresh && message->number <= known->second) ++board_->disordered;
      known->second = message->number;
      if constexpr (requires { queue_.task_done(); }) queue_.task_done();
      if (steps != nullptr) ++*steps;
    }
    return 0;
  }

  /// Once all have ended: nothing torn, doubled or out of order, and no more than `lost` gone.
  void expect_sound(std::uint64_t lost) {
    while (const auto message = queue_.try_get()) note(*message);
    EXPECT_EQ(board_->torn, 0U);
    EXPECT_EQ(board_->twice, 0U);
    EXPECT_EQ(board_->disordered, 0U);
    std::uint64_t missing = 0;
    for (std::uint64_t i = 0; i < board_->next; ++i) missing += board_->seen[i] == 0 ? 1 : 0;
    EXPECT_LE(missing, lost);
    std::printf("%lu messages, %lu gone of at most %lu\n",
                static_cast<unsigned long>(board_->next.load()),
                static_cast<unsigned long>(missing), static_cast<unsigned long>(lost));
  }

 private:
  void note(const Message& message) {
    if (message.number >= StormBoard::numbers || !message.whole())
      ++board_->torn;
    else if (board_->seen[message.number].fetch_add(1) != 0)
      ++board_->twice;
  }

  arena_test::Shared<StormBoard> board_;
  Queue queue_;
};

}  // namespace queues_test
