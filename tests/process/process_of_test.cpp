// Classes of a user's own that override run().
#include "multiprocessing/process/process_of.hpp"

#include <algorithm>
#include <cctype>

#include "multiprocessing/base/errors.hpp"
#include "process_suite.hpp"

namespace process_test {
namespace {

class UpperCaser : public mp::ProcessOf<UpperCaser> {
 public:
  UpperCaser() = default;
  UpperCaser(std::string text, Mailbox says) : text_(std::move(text)), says_(std::move(says)) {}

  void run() override {
    for (char& letter : text_) letter = static_cast<char>(std::toupper(letter));
    says_.put(text_);
    says_.put(name());
    says_.put(std::to_string(*pid()) + (is_alive() ? " alive" : " dead"));
  }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& text_& says_;
  }

 private:
  std::string text_;
  Mailbox says_;
};

// CPython: _TestSubclassingProcess.test_subclassing
TEST_P(ProcessTest, AClassOfOnesOwnRunsInTheChildWithItsMembers) {
  Mailbox says;
  UpperCaser process{"hello", says};
  const std::string name = process.name();
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(name.substr(0, 11), "UpperCaser-");
  EXPECT_EQ(says.get(0), "HELLO");
  EXPECT_EQ(says.get(1), name);
  EXPECT_EQ(says.get(2), std::to_string(*process.pid()) + " alive");
}

TEST_P(ProcessTest, RunOfAClassOfOnesOwnCanBeCalledHere) {
  Mailbox says;
  UpperCaser process{{"here"}, says};
  process.start();
  process.join();
  process.run();
  EXPECT_EQ(says.get(3), "HERE");
}

class NotSendable : public mp::ProcessOf<NotSendable> {
 public:
  explicit NotSendable(int code) : code_(code) {}
  void run() override { throw mp::Exit{code_}; }

 private:
  int code_;
};

TEST_P(ProcessTest, AClassWithoutSerializeRunsOnlyUnderFork) {
  NotSendable process{9};
  if (!forks()) {
    EXPECT_THROW(process.start(), mp::SerializationError);
    return;
  }
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 9);
}

TEST_P(ProcessTest, TheObjectInTheChildCannotBeStartedOrJoinedThere) {
  class Confused : public mp::ProcessOf<Confused> {
   public:
    Confused() = default;
    explicit Confused(Mailbox says) : says_(std::move(says)) {}
    void run() override {
      try {
        start();
      } catch (const mp::AssertionError&) {
        says_.put("not twice");
      }
      try {
        join();
      } catch (const mp::AssertionError&) {
        says_.put("not itself");
      }
      says_.put(handle() == mp::current_process() ? "this process" : "another");
    }
    // A local class may hold no member template.
    void serialize(mp::OutArchive& archive, unsigned) { archive& says_; }
    void serialize(mp::InArchive& archive, unsigned) { archive& says_; }

   private:
    Mailbox says_;
  };
  Mailbox says;
  Confused process{says};
  process.start();
  process.join();
  EXPECT_EQ(says.get(0), "not twice");
  EXPECT_EQ(says.get(1), "not itself");
  EXPECT_EQ(says.get(2), "this process");
}

}  // namespace
}  // namespace process_test
