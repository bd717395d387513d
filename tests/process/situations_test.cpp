// Situations of real programs: targets of every kind that end in every way, and whole programs.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "process_suite.hpp"
#include "support/child_process.hpp"

namespace process_test {
namespace {

struct Thrower {
  ~Thrower() noexcept(false) { throw 2; }
};
void throw_while_unwinding() {
  const Thrower thrower;
  throw 1;
}
void throw_in_spite_of_noexcept() noexcept {
  const std::function<void()> throws = [] { throw 1; };
  throws();
}

TEST_P(ProcessTest, ATargetMayEndInWaysThatNoCatchSees) {
  EXPECT_EQ(run_in_child(throw_while_unwinding), -SIGABRT);
  EXPECT_EQ(run_in_child(throw_in_spite_of_noexcept), -SIGABRT);
  EXPECT_EQ(run_in_child([] {
              std::set_terminate([] { std::_Exit(17); });
              throw_in_spite_of_noexcept();
            }),
            17);
  EXPECT_EQ(run_in_child([] {
              signal(SIGABRT, SIG_IGN);
              std::abort();
            }),
            -SIGABRT);
  EXPECT_EQ(run_in_child([] { std::function<void()>{}(); }), 1);
}

void check(bool good) { throw mp::Exit{good ? 0 : 1}; }
void by_reference(const std::string& text, std::string&& other) {
  check(text == "a" && other == "b");
}
void by_view(std::string_view text) { check(text == "view"); }
void by_span(std::span<const int> numbers) { check(numbers.size() == 3 && numbers[2] == 3); }
void never_throws(int x) noexcept { std::exit(x == 4 ? 0 : 1); }
[[maybe_unused]] void overloaded(int) { check(false); }
void overloaded(double x) { check(x == 2.5); }
template <class T>
void generic(T x) {
  check(x == T{7});
}
extern "C" void of_c(int x) { std::exit(x); }
struct Shape {
  int sides = 0;
  virtual ~Shape() = default;
  virtual void draw(int n) const { check(n == sides); }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& sides;
  }
};
void many(int a, char b, double c, const std::string& d, const std::vector<int>& e, bool f,
          std::optional<int> g) {
  check(a == 1 && b == 'b' && c == 0.5 && d == "d" && e.at(0) == 5 && f && !g);
}
void c_text(const char* text, const std::string& other) {
  check(std::strcmp(text, "c") == 0 && other == "d");
}

TEST_P(ProcessTest, TargetsMayHaveEverySignature) {
  EXPECT_EQ(run_in_child(by_reference, "a", std::string{"b"}), 0);
  EXPECT_EQ(run_in_child(by_view, "view"), 0);
  EXPECT_EQ(run_in_child(by_span, std::vector{1, 2, 3}), 0);
  EXPECT_EQ(run_in_child(never_throws, 4), 0);
  EXPECT_EQ(run_in_child(static_cast<void (*)(double)>(overloaded), 2.5), 0);
  EXPECT_EQ(run_in_child(generic<long>, 7), 0);
  EXPECT_EQ(run_in_child(of_c, 0), 0);
  Shape shape;
  shape.sides = 6;
  EXPECT_EQ(run_in_child(&Shape::draw, shape, 6), 0);
  EXPECT_EQ(run_in_child(many, 1, 'b', 0.5F, "d", std::vector{5}, true, std::nullopt), 0);
  EXPECT_EQ(run_in_child([](auto... all) { check(sizeof...(all) == 3); }, 1, 2, 3), 0);
  EXPECT_EQ(run_in_child(c_text, "c", "d"), 0);
  const char* given = "c";
  EXPECT_EQ(run_in_child(c_text, given, std::string{"d"}), 0);
}

TEST_P(ProcessTest, AChildThatIsStoppedIsAlive) {
  mp::Process stopped{[] { raise(SIGSTOP); }};
  stopped.start();
  const std::string status = "/proc/" + std::to_string(*stopped.pid()) + "/stat";
  test_support::wait_until([&] { return content_of(status).find(") T ") != std::string::npos; });
  EXPECT_TRUE(stopped.is_alive());
  EXPECT_FALSE(stopped.join(std::chrono::milliseconds{20}));
  EXPECT_EQ(stopped.exitcode(), std::nullopt);
  kill(*stopped.pid(), SIGCONT);
  stopped.join();
  EXPECT_EQ(stopped.exitcode(), 0);
}

class SituationTest : public testing::TestWithParam<std::string> {
 protected:
  /// Runs the scenario; 77 means that it cannot be had here.
  static int run(const std::string& scenario) {
    const test_support::ProgramResult result =
        test_support::run_program({SITUATIONS_PROGRAM, scenario},
                                  {.environment = {"MULTIPROCESSING_START_METHOD=" + GetParam(),
                                                   "LD_LIBRARY_PATH=" PROCESS_LIBRARIES}});
    EXPECT_TRUE(result.exitcode == 0 || result.exitcode == 77) << result.report();
    EXPECT_TRUE(result.left_running.empty()) << result.report();
    return result.exitcode;
  }
};
FOR_EVERY_START_METHOD(SituationTest);

TEST_P(SituationTest, ChildrenStartWhileAThreadWaitsForInput) { EXPECT_EQ(run("waits"), 0); }

TEST_P(SituationTest, AChildThatExecutesAnotherProgramHandsItNothingOfOurs) {
  EXPECT_EQ(run("executes"), 0);
}

TEST_P(SituationTest, StartingWhereAProgramEndsWorksOrSaysWhy) { EXPECT_EQ(run("ends"), 0); }

TEST_P(SituationTest, AnArgumentListNearTheSystemsLimitWorksOrIsAnError) {
  EXPECT_EQ(run("arguments"), 0);
}

TEST_P(SituationTest, WhereNoMoreProcessesAreAllowedStartsFailAndLaterOnesWork) {
  if (run("processes") == 77) GTEST_SKIP() << "needs root, to become a user with a limit";
}

}  // namespace
}  // namespace process_test
