#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/detail/fingerprint.hpp"
#include "reduction/round_trip.hpp"

namespace reduction_test {
namespace {

using mp::detail::is_sendable_callable;

int add(int a, int b) { return a + b; }
int twice(int n) noexcept { return 2 * n; }
int also_twice(int n) noexcept { return 2 * n; }

// As large as a pointer: g++ 12 warns of a vtable that it sees in smaller ones (-Warray-bounds).
struct Scaler {
  long factor = 1;
  static int negate(int n) { return -n; }
  int scale(int n) const { return static_cast<int>(factor) * n; }
  int shift(int n) noexcept { return static_cast<int>(factor) + n; }
  int operator()(int n) const { return static_cast<int>(factor) * n; }
};

struct Shape {
  Shape() = default;
  virtual ~Shape() = default;
  [[nodiscard]] virtual int corners(int times) const { return 0 * times; }
  virtual int sides() { return 0; }
};
struct Square : Shape {
  [[nodiscard]] int corners(int times) const override { return 4 * times; }
  int sides() override { return 4; }
};
struct Named {
  virtual ~Named() = default;
  virtual std::string name() { return "named"; }
};
struct NamedSquare : Square, Named {
  std::string name() override { return "square"; }
};

TEST(CallablesTest, FunctionsAndStaticMembersArriveAsThemselves) {
  EXPECT_EQ(round_trip(&add), &add);
  EXPECT_EQ(round_trip(add)(1, 2), 3);
  EXPECT_EQ(round_trip(&Scaler::negate)(5), -5);
  EXPECT_EQ(round_trip(&twice)(4), 8);
  EXPECT_EQ(round_trip(&also_twice)(4), 8);
  EXPECT_EQ(round_trip(static_cast<int (*)(int)>(nullptr)), nullptr);
}

TEST(CallablesTest, FunctionsOfOtherLibrariesArriveAsThemselves) {
  EXPECT_EQ(round_trip(&std::atoi), &std::atoi);
  EXPECT_EQ(round_trip(&mp::detail::demangle)("i"), "int");
}

TEST(CallablesTest, FunctionPointersAreValuesInsideOthers) {
  using Table = std::map<std::string, int (*)(int)>;
  EXPECT_EQ(round_trip(Table{{"twice", &twice}}).at("twice")(3), 6);
}

TEST(CallablesTest, LambdasWithoutCapturesNeedNothingButTheirType) {
  EXPECT_EQ(round_trip([](int n) { return n + 1; })(1), 2);
  EXPECT_EQ(round_trip([](auto a, auto b) { return a + b; })(1, 2.5), 3.5);
  EXPECT_EQ(round_trip([=] { return 5; })(), 5);  // which has no default constructor
  EXPECT_EQ(written([] {}).size(), 1U);
}

TEST(CallablesTest, FunctorsGoAsTheValuesThatTheyAre) { EXPECT_EQ(round_trip(Scaler{3})(4), 12); }

TEST(CallablesTest, MemberFunctionsWorkVirtualOnesToo) {
  Scaler scaler{3};
  EXPECT_EQ((scaler.*round_trip(&Scaler::scale))(4), 12);
  EXPECT_EQ((scaler.*round_trip(&Scaler::shift))(4), 7);
  EXPECT_EQ(scaler.*round_trip(&Scaler::factor), 3);
  const Square square;
  EXPECT_EQ((square.*round_trip(&Shape::corners))(2), 8);
  EXPECT_EQ(round_trip(static_cast<int (Scaler::*)(int) const>(nullptr)), nullptr);
}

TEST(CallablesTest, MemberFunctionsOfASecondBaseKeepTheirAdjustment) {
  NamedSquare square;
  std::string (NamedSquare::*name)() = &Named::name;
  EXPECT_EQ((square.*round_trip(name))(), "square");
  int (NamedSquare::*sides)() = &Shape::sides;
  EXPECT_EQ((square.*round_trip(sides))(), 4);
}

TEST(CallablesTest, WhatHoldsPartsOfThisProcessIsNotSendable) {
  int here = 0;
  const auto capturing = [&here] { return here; };
  static_assert(!is_sendable_callable<decltype(capturing)>);
  static_assert(!is_sendable_callable<std::function<void()>>);
  static_assert(!is_sendable_callable<decltype(std::bind(&add, 1, 2))>);
  static_assert(is_sendable_callable<decltype(&add)> && is_sendable_callable<decltype(add)>);
  static_assert(!is_sendable_callable<decltype(mp::partial(capturing))>);
}

TEST(CallablesTest, CodeMadeAtRunTimeIsRefusedByTheSender) {
  std::vector<char> heap(16);
  const auto function = reinterpret_cast<void (*)()>(heap.data());
  EXPECT_THROW(static_cast<void>(written(function)), mp::SerializationError);
  static int data = 0;
  const auto no_code = reinterpret_cast<void (*)()>(&data);
  EXPECT_THROW(static_cast<void>(written(no_code)), mp::SerializationError);
}

TEST(PartialTest, FixesLeadingArguments) {
  EXPECT_EQ(mp::partial(&add, 40)(2), 42);
  EXPECT_EQ(round_trip(mp::partial(&add, 40))(2), 42);
  EXPECT_EQ(round_trip(mp::partial(add, 40, 2))(), 42);
  EXPECT_EQ(round_trip(mp::partial([](int a, auto b) { return a * b; }, 2))(1.5), 3);
}

TEST(PartialTest, TakesMembersWithAnObject) {
  EXPECT_EQ(round_trip(mp::partial(&Scaler::scale, Scaler{3}))(5), 15);
  EXPECT_EQ(round_trip(mp::partial(&Scaler::factor, Scaler{3}))(), 3);
}

TEST(PartialTest, KeepsTextAndViewsAsWhatTheyShowed) {
  const auto length = [](const std::string& text, const std::vector<int>& more) {
    return text.size() + more.size();
  };
  std::vector numbers{1, 2, 3};
  const auto bound = mp::partial(length, "four", std::span{numbers});
  numbers.clear();
  EXPECT_EQ(bound(), 7U);
  EXPECT_EQ(round_trip(bound)(), 7U);
}

TEST(PartialTest, MayHoldWhatOnlyMoves) {
  const auto read = [](const std::unique_ptr<int>& number, int n) { return *number + n; };
  EXPECT_EQ(round_trip(mp::partial(read, std::make_unique<int>(3)))(4), 7);
}

TEST(PartialTest, MayHoldAnother) {
  EXPECT_EQ(round_trip(mp::partial(mp::partial(&add, 1), 2))(), 3);
}

TEST(FunctionTest, HoldsAnyCallableOfItsSignatureAndCanBeSent) {
  using Unary = mp::Function<int(int)>;
  const std::vector<Unary> functions{&twice, [](int n) { return n + 1; }, Scaler{5},
                                     mp::partial(&add, 7), &Scaler::negate};
  const auto there = round_trip(functions);
  std::vector<int> results;
  for (const Unary& function : there) results.push_back(function(10));
  EXPECT_EQ(results, (std::vector{20, 11, 50, 17, -10}));
}

TEST(FunctionTest, OfAMemberTakesTheObjectFirst) {
  const mp::Function<int(const Scaler&, int)> scale = &Scaler::scale;
  EXPECT_EQ(round_trip(scale)(Scaler{2}, 4), 8);
}

TEST(FunctionTest, AnEmptyOneSaysSo) {
  mp::Function<void()> empty;
  EXPECT_FALSE(empty);
  EXPECT_FALSE(round_trip(empty));
  EXPECT_THROW(empty(), std::bad_function_call);
  EXPECT_FALSE(mp::Function<int(int)>{static_cast<int (*)(int)>(nullptr)});
}

struct Counter {
  int calls = 0;
  int operator()() { return ++calls; }
};

TEST(FunctionTest, ACopyHasAStateOfItsOwn) {
  const mp::Function<int()> first = Counter{};
  EXPECT_EQ(first(), 1);
  const mp::Function<int()> second = first;
  EXPECT_EQ(second(), 2);
  EXPECT_EQ(second(), 3);
  EXPECT_EQ(first(), 2);
  EXPECT_EQ(round_trip(second)(), 4);
}

TEST(FunctionTest, DropsTheResultWhereItsSignatureHasNone) {
  const mp::Function<void(int)> ignoring = &twice;
  ignoring(3);
}

TEST(FunctionTest, NestsOnlyAsDeepAsAReaderGoes) {
  mp::Function<int()> function = [] { return 1; };
  for (int i = 0; i < 600; ++i) {
    function = mp::partial([](const mp::Function<int()>& inner) { return inner(); }, function);
  }
  EXPECT_THROW(static_cast<void>(written(function)), mp::SerializationError);
}

// ---- calls ----

std::string received;
void receive(const std::string& text, std::unique_ptr<int> number, std::vector<int> more) {
  received = text + std::to_string(*number) + std::to_string(more.size());
}

template <class F, class... A>
std::string call_of(const F& callable, const A&... arguments) {
  mp::detail::Writer writer;
  mp::detail::write_call(writer, callable, arguments...);
  return writer.take();
}

void run(std::string_view bytes) {
  mp::detail::Reader reader{bytes};
  mp::detail::run_call(reader);
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(CallTest, PassesWhatArrivesAsRvalues) {
  const std::vector numbers{1, 2, 3};
  run(call_of(receive, "n", std::make_unique<int>(7), std::span{numbers}));
  EXPECT_EQ(received, "n73");
}

TEST(CallTest, TakesEveryKindOfCallable) {
  static int total;
  total = 0;
  run(call_of([](int n) { total += n; }, 1));
  run(call_of([](auto n) { total += static_cast<int>(n); }, 2.0));
  run(call_of(mp::partial([](int a, int b) { total += a + b; }, 3), 4));
  run(call_of(mp::Function<void(int)>{[](int n) { total += n; }}, 5));
  run(call_of(&Scaler::shift, Scaler{1}, 2));
  EXPECT_EQ(total, 15);
}

TEST(CallTest, ThrowsWhatTheCallableThrows) {
  EXPECT_THROW(run(call_of([] { throw std::out_of_range("x"); })), std::out_of_range);
}

TEST(CallTest, ATruncatedCallIsNeverMade) {
  static bool called;
  called = false;
  const std::string bytes = call_of([](const std::string&) { called = true; }, "text");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(run(std::string_view{bytes}.substr(0, size)), mp::SerializationError);
  }
  EXPECT_FALSE(called);
}

TEST(CallTest, GivesTextAsAPointerWhereNoStringIsTaken) {
  static std::string seen;
  run(call_of([](const char* text, const std::string& other) { seen = text + other; }, "text",
              "2"));
  EXPECT_EQ(seen, "text2");
}

TEST(CallTest, TellsWhetherItCouldBeSent) {
  int here = 1;
  const auto capturing = [&here](int) { return here; };
  static_assert(mp::detail::is_sendable_call<decltype(add), int, int>);
  static_assert(!mp::detail::is_sendable_call<decltype(add), int>);
  static_assert(!mp::detail::is_sendable_call<decltype(capturing), int>);
  static_assert(mp::detail::is_call<decltype(capturing), int>);
  static_assert(!mp::detail::is_call<void (*)(std::string&), const char*>);
  static_assert(mp::detail::is_call<std::size_t (*)(const char*), const char*>);
  static_assert(!mp::detail::is_call<std::size_t (*)(const char*), std::string>);
  static_assert(std::is_same_v<mp::result_of<decltype(add), int, int>, int>);
  static_assert(std::is_same_v<mp::result_of<std::size_t (*)(const char*), char*>, std::size_t>);
  static_assert(std::is_same_v<mp::list_of<int>, std::vector<int>>);
  static_assert(std::is_same_v<mp::list_of<void>, void>);
}

}  // namespace
}  // namespace reduction_test
