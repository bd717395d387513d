// Ends that are members of a process object go to the child with it.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connection_suite.hpp"
#include "multiprocessing/process/process_of.hpp"

namespace {

using namespace connection_test;
using namespace std::chrono_literals;

class MembersTest : public ProcessesTest {};
FOR_EVERY_START_METHOD(MembersTest);

/// Says "here" by each of its ends, and ends or waits to be killed.
class Speaker : public mp::ProcessOf<Speaker> {
 public:
  Speaker() = default;
  Speaker(mp::Connection first, std::vector<mp::Connection> others, bool stays)
      : first_(std::move(first)), others_(std::move(others)), stays_(stays) {}

  void run() override {
    first_->send(std::string{"here"});
    for (const mp::Connection& other : others_) other.send(std::string{"here"});
    while (stays_) pause();
  }

  [[nodiscard]] bool has_its_ends() const { return !first_->closed() && !others_.front().closed(); }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& first_& others_& stays_;
  }

 private:
  std::optional<mp::Connection> first_;
  std::vector<mp::Connection> others_;
  bool stays_ = false;
};

struct Pair {
  mp::Connection here;
  mp::Connection there;
};
Pair make_pair() {
  auto [here, there] = mp::Pipe();
  return {std::move(here), std::move(there)};
}

void expect_one_word_and_the_end(const mp::Connection& here) {
  EXPECT_EQ(here.recv<std::string>(), "here");
  EXPECT_THROW((void)here.recv<std::string>(), mp::EOFError);
}

TEST_P(MembersTest, TheOtherSideSeesTheEndOfAChildThatHadItsEndsAsMembers) {
  Pair one = make_pair();
  Pair two = make_pair();
  Speaker speaker{std::move(one.there), {std::move(two.there)}, false};
  EXPECT_TRUE(speaker.has_its_ends());
  speaker.start();
  EXPECT_FALSE(speaker.has_its_ends());
  expect_one_word_and_the_end(one.here);
  expect_one_word_and_the_end(two.here);
  expect_good_end(speaker);
}

TEST_P(MembersTest, TheOtherSideSeesTheEndOfAChildThatIsKilled) {
  Pair one = make_pair();
  Pair two = make_pair();
  Speaker speaker{std::move(one.there), {std::move(two.there)}, true};
  speaker.start();
  EXPECT_EQ(one.here.recv<std::string>(), "here");
  EXPECT_EQ(two.here.recv<std::string>(), "here");
  kill_and_join(speaker);
  EXPECT_THROW((void)one.here.recv<std::string>(), mp::EOFError);
  EXPECT_THROW((void)two.here.recv<std::string>(), mp::EOFError);
}

TEST_P(MembersTest, ACopyThatTheProgramKeepsStaysOpen) {
  Pair one = make_pair();
  Pair two = make_pair();
  Speaker speaker{one.there, {std::move(two.there)}, false};
  speaker.start();
  expect_good_end(speaker);
  EXPECT_EQ(one.here.recv<std::string>(), "here");
  one.there.send(std::string{"still open"});
  EXPECT_EQ(one.here.recv<std::string>(), "still open");
}

class NotToBeStarted : public mp::ProcessOf<NotToBeStarted> {
 public:
  NotToBeStarted() = default;
  explicit NotToBeStarted(mp::Connection end) : end_(std::move(end)) {}
  void run() override {}
  [[nodiscard]] const mp::Connection& end() const { return end_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& end_;
    if (refuses_) throw mp::ValueError("refused");
  }

 private:
  mp::Connection end_;
  bool refuses_ = true;
};

TEST_P(MembersTest, AnObjectThatCannotBeSentKeepsItsEnds) {
  if (forks()) GTEST_SKIP() << "an object that runs in a fork need not be sent";
  Pair one = make_pair();
  NotToBeStarted process{std::move(one.there)};
  EXPECT_THROW(process.start(), mp::ValueError);
  process.end().send(std::string{"mine"});
  EXPECT_EQ(one.here.recv<std::string>(), "mine");
}

}  // namespace
