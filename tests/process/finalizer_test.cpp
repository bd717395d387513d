// What is done when a process ends, and in which order.
#include "process/program_end.hpp"

#include <atomic>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "process_suite.hpp"

namespace process_test {
namespace {

using multiprocessing::detail::finalize;
using multiprocessing::detail::Finalizer;

// CPython: _TestFinalize.test_finalize
TEST_P(ProcessTest, WhatIsLeftToDoIsDoneAtItsEndByPriority) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    const auto saying = [box](const char* text) { return [box, text] { box.put(text); }; };
    Finalizer called{1, saying("called")};
    called();
    called();
    const Finalizer dropped = {2, saying("dropped")};
    Finalizer cancelled{2, saying("cancelled")};
    cancelled.cancel();
    cancelled();
    static const Finalizer first{0, saying("0, first")};
    static const Finalizer second{0, saying("0, second")};
    static const Finalizer high{1, saying("1")};
    static const Finalizer throws{1, [] { throw std::runtime_error{"on purpose"}; }};
    static const Finalizer low{-10, saying("-10")};
    if (cancelled.still_active() || !low.still_active()) box.put("mixed up");
  };
  EXPECT_EQ(run_in_child(target, says), 0);
  std::vector<std::string> order;
  for (unsigned i = 0; i < says.size(); ++i) order.push_back(says.get(i));
  EXPECT_EQ(order, (std::vector<std::string>{"called", "1", "0, second", "0, first", "-10"}));
}

TEST(FinalizerTest, IsNotForForkedChildren) {
  Mailbox says;
  Finalizer of_the_parent{0, [says] { says.put("done"); }};
  auto child = mp::get_context("fork").Process([&] {
    of_the_parent();
    says.put(of_the_parent.still_active() ? "active" : "inert");
  });
  child.start();
  child.join();
  EXPECT_EQ(says.get(0), "inert");
  EXPECT_TRUE(of_the_parent.still_active());
  of_the_parent();
  EXPECT_EQ(says.get(1), "done");
  EXPECT_EQ(says.size(), 2U);
}

// CPython: _TestFinalize.test_thread_safety
TEST(FinalizerTest, ThreadsMayMakeCallAndCancelThemWhileTheyAreDone) {
  constexpr int rounds = 2000;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        Finalizer work{i % 3, [&done] { ++done; }};
        if (t == 0) work();
        if (t == 1) finalize(std::numeric_limits<int>::min());
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_GE(done, 2 * rounds);  // and of the others those that were met before they were dropped
}

}  // namespace
}  // namespace process_test
