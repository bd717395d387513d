// Queues whose memory lies where a process has not mapped the arena yet, and may not.
#include <sys/resource.h>

#include <string>

#include "arena/children.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"
#include "queue_suite.hpp"
#include "support/address_space.hpp"

namespace queues_test {
namespace {

using arena_test::Child;
using arena_test::Gate;
using mp::detail::Handle;
using test_support::FarAway;
using test_support::limit_address_space;
using test_support::MiB;

/// A message that carries an object, or none.
struct Note {
  std::string text;
  Handle object;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& text& object;
  }
};

/// A child that may not map further windows, and does `act` once `far` has opened; 0 when that
/// throws OSError with the figures, which is what it is to do.
template <class Act>
int refused(Gate& far, Act act) {
  limit_address_space(100 * MiB);
  if (!far.wait()) return 1;
  try {
    act();
  } catch (const mp::OSError& error) {
    const std::string text = error.what();
    return text.find("RLIMIT_AS") != text.npos ? 0 : 2;
  }
  return 3;
}

/// A queue whose both sides are in a ring of more than 32 KiB, made just now.
void go_to_a_far_ring(const mp::Queue<Note>& queue) {
  constexpr int enough = 6000;
  for (int i = 0; i < enough; ++i) queue.put(Note{"x", {}});
  for (int i = 0; i < enough; ++i) static_cast<void>(queue.get());
  queue.put(Note{"y", {}});
  static_cast<void>(queue.get());
}

TEST(FarQueueTest, AMessageThatAReaderMayNotMapStaysForTheOthers) {
  const mp::Queue<std::string> queue;
  const std::string large(MiB, 'x');
  for (const std::string& near : {std::string{"near"}, std::string(10'000, 'n')}) {
    queue.put(near);
    EXPECT_EQ(queue.get(), near);
  }
  Gate gate;
  Child limited{[&] { return refused(gate, [&] { static_cast<void>(queue.get()); }); }};
  const FarAway far;
  queue.put(large);
  queue.put("behind");
  gate.open();
  EXPECT_EQ(limited.join(), 0);
  EXPECT_EQ(queue.get(), large);
  EXPECT_EQ(queue.get(), "behind");
}

TEST(FarQueueTest, AProcessThatMayNotMapAllGoesOnWithQueuesThatItHasMapped) {
  const mp::Queue<int> queue;
  queue.put(0);
  EXPECT_EQ(queue.get(), 0);
  Gate gate;
  Child limited{[&] {
    limit_address_space(100 * MiB);
    if (!gate.wait()) return 1;
    for (int i = 0; i < 1000; ++i) {
      queue.put(i);
      if (queue.get() != i) return 2;
    }
    return 0;
  }};
  const FarAway far;
  gate.open();
  EXPECT_EQ(limited.join(), 0);
}

TEST(FarQueueTest, AReaderFollowsIntoARingThatItHasNotMapped) {
  const mp::Queue<Note> queue;
  queue.put(Note{"near", {}});
  EXPECT_EQ(queue.get().text, "near");
  Gate gate;
  Child reader{[&] {
    if (!gate.wait()) return 1;
    for (int i = 0; i < 6000; ++i)
      if (queue.get().text != std::to_string(i)) return 2;
    queue.put(Note{"done", {}});
    return 0;
  }};
  const FarAway far;
  for (int i = 0; i < 6000; ++i) queue.put(Note{std::to_string(i), {}});
  gate.open();
  EXPECT_EQ(reader.join(), 0);
  EXPECT_EQ(queue.get().text, "done");
}

// The lock was let go as if nothing had been left to mend.
TEST(FarQueueTest, WhatADeadProducerLeftIsMendedByTheNextWhenItIsRefusedToOne) {
  const mp::Queue<Note> queue;
  Gate gate;
  Child limited{[&] { return refused(gate, [&] { queue.put(Note{"refused", {}}); }); }};
  const FarAway far;
  go_to_a_far_ring(queue);
  Child victim{[&] {
    mp::detail::arm_fail_point("queue.object.held");
    queue.put(Note{"lost", Handle::make(8)});
    return 0;
  }};
  EXPECT_EQ(victim.join(), -SIGKILL);
  gate.open();
  EXPECT_EQ(limited.join(), 0);
  mp::detail::count_fail_points(true);
  queue.put(Note{"next", {}});
  EXPECT_EQ(mp::detail::fail_point_passes("queue.put.mended"), 1U);
  mp::detail::count_fail_points(false);
  EXPECT_EQ(queue.get().text, "next");
}

TEST(FarQueueTest, WhatADeadConsumerLeftIsMendedByTheNextWhenItIsRefusedToOne) {
  const mp::Queue<Note> queue;
  Gate gate;
  Child limited{[&] { return refused(gate, [&] { static_cast<void>(queue.get()); }); }};
  const FarAway far;
  go_to_a_far_ring(queue);
  queue.put(Note{"taken", Handle::make(8)});
  queue.put(Note{"next", {}});
  Child victim{[&] {
    mp::detail::arm_fail_point("queue.get.freed");
    static_cast<void>(queue.get());
    return 0;
  }};
  EXPECT_EQ(victim.join(), -SIGKILL);
  gate.open();
  EXPECT_EQ(limited.join(), 0);
  mp::detail::count_fail_points(true);
  EXPECT_EQ(queue.get().text, "next");
  EXPECT_EQ(mp::detail::fail_point_passes("queue.get.mended"), 1U);
  mp::detail::count_fail_points(false);
}

}  // namespace
}  // namespace queues_test
