// Containers beside CPython's own: the same calls give the same results, errors and contents.
#include <gtest/gtest.h>

#include <cstring>

#include "managers/types.hpp"
#include "managers/waiting.hpp"
#include "multiprocessing/pickle.hpp"
#include "support/asked.hpp"
#include "support/child_process.hpp"

namespace multiprocessing::detail {
namespace {

/// Takes a pickle from the front.
Object take(std::string_view& bytes) {
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  Object value = loads(Bytes{bytes.substr(sizeof length, length)});
  bytes.remove_prefix(sizeof length + length);
  return value;
}

/// What an array is in the records of Python's side, where it is one.
Object portable(const Object& value) {
  if (value.type() == "type") return "Namespace";
  if (value.type() != "array") return value;
  return Object::list({"array", value.args()[0], value.args()[1]});
}

/// No other objects, and no calls that wait.
class Nothing : public Referents, public WaitingCalls {
 public:
  [[nodiscard]] std::shared_ptr<Referent> behind(const Object&) const override { return nullptr; }
  void answer(std::uint64_t, Outcome) override {}
  void fail(std::uint64_t, std::exception_ptr) override {}
  void time_out_at(std::uint64_t, Clock::time_point) override {}
  void watch(const Caller&, Referent&) override {}
};
Nothing nothing;

std::shared_ptr<Referent> made(const std::string& kind, const std::vector<Object>& args,
                               const Object& kwds) {
  for (const TypeEntry& entry : container_types())
    if (entry.type_id == kind) return entry.make(args, kwds, nothing);
  throw std::logic_error("no type " + kind);
}

Object shown_error() {
  Object error;
  try {
    throw;
  } catch (const PythonError& exact) {
    error = exact.error();
  } catch (...) {
    error = Object::of(std::current_exception());
  }
  return Object::list({error.type(), str(error)});
}

/// The container as Python's side shows it.
Object state_of(const std::string& kind, const Referent& referent) {
  const Object value = referent.value();
  if (kind == "set") return value;
  Object content = portable(value);
  if (kind == "Namespace") content = value.state().is_none() ? Object::dict() : value.state();
  if (kind == "Value") content = value.state()["_value"];
  return Object::list({content, referent.repr()});
}

struct Step {
  Object args;
  Object record;
  [[nodiscard]] std::string kind() const { return record[0].as<std::string>(); }
  [[nodiscard]] std::string method() const { return record[1].as<std::string>(); }
};

std::ostream& operator<<(std::ostream& stream, const Step& step) {
  return stream << step.kind() << '.' << step.method() << repr(step.args) << repr(step.record[2]);
}

/// "value" or "error", and what.
Object run(const Step& step, std::shared_ptr<Referent>& referent) {
  const auto args = step.args.as<std::vector<Object>>();
  const Object kwds = step.record[2];
  const std::string method = step.method();
  try {
    if (method.empty()) {
      referent = made(step.kind(), args, kwds);
      return Object::tuple({"value", None});
    }
    Call call{method, args, kwds, {}, nothing, nothing};
    const auto outcome = referent->call(call);
    return Object::tuple({"value", portable(std::get<Object>(outcome.value()))});
  } catch (...) {
    return Object::tuple({"error", shown_error()});
  }
}

TEST(ContainersWithPythonTest, RandomCallsGiveTheSameResultsErrorsAndContents) {
  if (test_support::run_program({"env", "python3", "-c", "import array"}).exitcode != 0)
    GTEST_SKIP() << "there is no python3 here";
  const std::string count =
      std::to_string(test_support::asked("MULTIPROCESSING_TEST_CONTAINERS", 200));
  const auto written = test_support::run_program(
      {"env", "python3", std::string{MANAGERS_TESTS} + "/peers/container_calls.py",
       std::to_string(test_support::asked("MULTIPROCESSING_TEST_SEED", 1)), count},
      {.environment = {"PYTHONHASHSEED=0"}});
  ASSERT_EQ(written.exitcode, 0) << written.err;
  std::string_view bytes = written.out;
  std::shared_ptr<Referent> referent;
  std::size_t steps = 0;
  for (; !bytes.empty(); ++steps) {
    Step step{take(bytes), {}};
    step.record = take(bytes);
    const Object found = run(step, referent);
    EXPECT_EQ(found[0], step.record[3]) << step << ": " << repr(found[1]);
    EXPECT_EQ(found[1], step.record[4]) << step;
    if (step.kind() != "set") {  // of which the order differs
      EXPECT_EQ(repr(found[1]), repr(step.record[4])) << step;
    }
    if (!step.record[5].is_none()) {
      ASSERT_EQ(state_of(step.kind(), *referent), step.record[5]) << step;
    }
  }
  EXPECT_GT(steps, 200U);
}

}  // namespace
}  // namespace multiprocessing::detail
