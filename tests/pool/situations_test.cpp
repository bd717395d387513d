// Pools and processes in situations of real programs: small stacks, containers that move them.
#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "pool_suite.hpp"
#include "support/child_process.hpp"

namespace pool_test {
namespace {

class SituationTest : public PoolTest {};
FOR_EVERY_START_METHOD(SituationTest);

/// In a thread as servers with thousands of them make them; null when all was right.
void* work_on_a_small_stack(void* method) {
  const auto context = mp::get_context(*static_cast<std::string*>(method));
  auto child = context.Process([](const std::string& text) { throw mp::Exit{text == "x" ? 3 : 4}; },
                               std::string{"x"});
  child.start();
  child.join();
  if (child.exitcode() != 3) return method;
  auto pool = context.Pool(2);
  if (pool.map([](int x) { return 2 * x; }, {1, 2}) != std::vector{2, 4}) return method;
  try {
    pool.map([](int x) { return x > 0 ? throw std::domain_error("no") : x; }, {0, 1});
    return method;
  } catch (const std::domain_error&) {
    return nullptr;
  }
}

TEST_P(SituationTest, AThreadWithASmallStackIsEnough) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 64 * 1024), 0);
  pthread_t thread;
  void* wrong = nullptr;
  std::string method = GetParam();
  ASSERT_EQ(pthread_create(&thread, &attributes, work_on_a_small_stack, &method), 0);
  pthread_join(thread, &wrong);
  pthread_attr_destroy(&attributes);
  EXPECT_EQ(wrong, nullptr);
}

TEST_P(SituationTest, ProcessesKeepTheirCodesInContainersThatMoveThem) {
  const Counters go;
  std::vector<mp::Process> all;
  for (int i = 0; i < 9; ++i) {
    all.emplace_back(
        [](Counters gate, int code) {
          gate.wait_for(1);
          throw mp::Exit{code};
        },
        go, i);
    all.back().start();
  }
  std::swap(all[0], all[8]);
  std::ranges::sort(all, [](const auto& a, const auto& b) { return a.pid() > b.pid(); });
  std::rotate(all.begin(), all.begin() + 4, all.end());
  std::map<pid_t, std::string> names;
  for (const auto& child : all) names[*child.pid()] = child.name();
  go.raise();
  std::set<int> codes;
  for (auto& child : all) {
    child.join();
    codes.insert(*child.exitcode());
    EXPECT_EQ(names[*child.pid()], child.name());
  }
  EXPECT_EQ(codes.size(), 9U);
}

TEST_P(SituationTest, APoolThatIsEmplacedOverAnotherEndsThatOneOnly) {
  std::optional<mp::Pool> pool;
  for (int i = 0; i < 3; ++i) {
    pool.emplace(2);
    EXPECT_EQ(pool->map([](int x) { return x + 1; }, {i}), std::vector{i + 1});
  }
  mp::Pool other = std::move(*pool);
  EXPECT_EQ(other.processes(), 2);
  pool.reset();
  EXPECT_EQ(other.map([](int x) { return x; }, {8}), std::vector{8});
}

class SituationProgramTest : public testing::TestWithParam<std::string> {
 protected:
  static int run(const std::vector<std::string>& command) {
    const auto result = test_support::run_program(
        command, {.environment = {"MULTIPROCESSING_START_METHOD=" + GetParam(),
                                  "LD_LIBRARY_PATH=" POOL_LIBRARIES}});
    EXPECT_TRUE(result.exitcode == 0 || result.exitcode == 77) << result.report();
    EXPECT_TRUE(result.left_running.empty()) << result.report();
    return result.exitcode;
  }
};
FOR_EVERY_START_METHOD(SituationProgramTest);

TEST_P(SituationProgramTest, ADaemonUsesWhatWasMadeBeforeItBecameOne) {
  EXPECT_EQ(run({SITUATIONS_PROGRAM, "daemon"}), 0);
}

TEST_P(SituationProgramTest, APoolThatMayNotHaveItsWorkersSaysSoAndDoesNotHang) {
  if (run({SITUATIONS_PROGRAM, "processes"}) == 77)
    GTEST_SKIP() << "only root can become a user of few processes";
}

TEST(PluginTest, AHostUnloadsAPluginThatUsedAPool) {
  const auto result = test_support::run_program(
      {PLUGIN_HOST, POOL_PLUGIN}, {.environment = {"LD_LIBRARY_PATH=" POOL_LIBRARIES}});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_TRUE(result.left_running.empty()) << result.report();
}

}  // namespace
}  // namespace pool_test
