// What a context constructs, for ports that write it so.
#include <chrono>
#include <mutex>

#include "synchronize_suite.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;

class ContextTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(ContextTest);

TEST_P(ContextTest, MakesWhatItsProcessesShare) {
  const auto ctx = mp::get_context(GetParam());
  const mp::Lock lock = ctx.Lock();
  const mp::RLock rlock = ctx.RLock();
  const mp::Semaphore units = ctx.Semaphore(3);
  const mp::BoundedSemaphore one = ctx.BoundedSemaphore();
  const mp::Condition condition = ctx.Condition(lock);
  const mp::Event event = ctx.Event();
  const mp::Barrier barrier = ctx.Barrier(2, mp::Function<void()>{}, 10s);
  const mp::Semaphore booked =
      ctx.Semaphore(mp::SemaphoreOptions{.value = 2, .return_units_of_dead = true});
  EXPECT_EQ(units.get_value(), 3);
  EXPECT_THROW(one.release(), mp::ValueError);
  EXPECT_EQ(booked.get_value(), 2);
  EXPECT_EQ(barrier.parties(), 2);
  mp::Process child = ctx.Process(
      [](mp::Condition c, mp::Event e, mp::Barrier b) {
        b.wait();
        const std::scoped_lock guard{c};
        e.set();
        c.notify();
      },
      condition, event, barrier);
  {
    const std::scoped_lock guard{rlock, condition};
    child.start();
    barrier.wait();
    condition.wait();
  }
  EXPECT_TRUE(event.is_set());
  child.join();
}

}  // namespace
}  // namespace synchronize_test
