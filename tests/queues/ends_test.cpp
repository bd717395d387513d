// Ends of pipes as messages: kept by the fork server until they are received, whoever dies.
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ends.hpp"

namespace queues_test {
namespace {

using test_support::Counters;

FOR_EVERY_START_METHOD(EndsTest);

void put_one(Ends queue) {
  auto [here, there] = mp::Pipe();
  queue.put(there);
  there.close();
  EXPECT_EQ(here.recv<std::string>(), "hello");
  here.send(std::string{"and you"});
}

void use_one(Ends queue) {
  const Connection end = queue.get();
  end.send(std::string{"hello"});
  EXPECT_EQ(end.recv<std::string>(), "and you");
}

TEST_P(EndsTest, AChildPutsAnEndThatTheParentUses) {
  const Ends queue;
  auto child = started(put_one, queue);
  use_one(queue);
  expect_end(child);
}

TEST_P(EndsTest, TheParentPutsAnEndThatAChildUses) {
  const Ends queue;
  auto child = started(use_one, queue);
  put_one(queue);
  expect_end(child);
}

TEST_P(EndsTest, AnEndGoesFromChildToChild) {
  const Ends queue;
  auto first = started(put_one, queue);
  auto second = started(use_one, queue);
  expect_end(first);
  expect_end(second);
}

TEST_P(EndsTest, AChildHasEndedBeforeItsEndIsReceived) {
  const Ends queue;
  auto child = started(
      [](Ends q) {
        auto [here, there] = mp::Pipe();
        here.send(7);
        give(q, std::move(there));
      },
      queue);
  expect_end(child);
  const Connection end = queue.get();
  EXPECT_EQ(end.recv<int>(), 7);
  expect_end_of_file(end);
}

TEST_P(EndsTest, BothEndsAreOneMessage) {
  const mp::Queue<std::pair<Connection, Connection>> queue;
  auto child = started(
      [](mp::Queue<std::pair<Connection, Connection>> q) {
        auto [here, there] = q.get();
        here.send(5);
        EXPECT_EQ(there.recv<int>(), 5);
        here.close();
        expect_end_of_file(there);
      },
      queue);
  queue.put(mp::Pipe({.duplex = true}));
  expect_end(child);
}

struct Question {
  std::string text;
  std::vector<Connection> answers;
  mp::Queue<std::string> log;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& text& answers& log;
  }
};

TEST_P(EndsTest, EndsAndOtherSharedObjectsAreMembersOfAMessage) {
  const mp::JoinableQueue<Question> questions;
  auto child = started(
      [](mp::JoinableQueue<Question> q) {
        for (const Question& each : q) {
          each.log.put(each.text);
          for (const Connection& end : each.answers) end.send(each.text + "? Yes.");
          q.task_done();
        }
      },
      questions);
  const mp::Queue<std::string> log;
  auto [here, there] = mp::Pipe({.duplex = false});
  questions.put({"Really", {there, there}, log});
  questions.put({"No ends", {}, log});
  there.close();
  questions.join();
  questions.shutdown();
  expect_end(child);
  EXPECT_EQ(here.recv<std::string>(), "Really? Yes.");
  EXPECT_EQ(here.recv<std::string>(), "Really? Yes.");
  expect_end_of_file(here);
  EXPECT_EQ(log.get(), "Really");
  EXPECT_EQ(log.get(), "No ends");
}

// CPython: _TestPicklingConnections.test_access
TEST_P(EndsTest, EndsOfOneDirectionStaySo) {
  const mp::SimpleQueue<Connection> queue;
  auto child = started(
      [](mp::SimpleQueue<Connection> q) {
        const Connection reader = q.get();
        const Connection writer = q.get();
        EXPECT_FALSE(reader.writable());
        EXPECT_FALSE(writer.readable());
        writer.send(reader.recv<int>() + 1);
      },
      queue);
  auto [its_reader, writer] = mp::Pipe({.duplex = false});
  auto [reader, its_writer] = mp::Pipe({.duplex = false});
  give(queue, std::move(its_reader));
  give(queue, std::move(its_writer));
  writer.send(1);
  EXPECT_EQ(reader.recv<int>(), 2);
  expect_end(child);
}

TEST_P(EndsTest, AQueueThatIsDroppedUnreadKeepsEndOfFileFromNobody) {
  std::optional<Ends> queue{Ends{}};
  auto [here, there] = mp::Pipe();
  give(*queue, std::move(there));
  auto child = started([](Ends) {}, *queue);
  expect_end(child);
  EXPECT_FALSE(here.poll());
  queue.reset();
  expect_end_of_file(here);
}

TEST_P(EndsTest, AMessageThatShutDownThrowsAwayKeepsEndOfFileFromNobody) {
  const Ends queue;
  auto [here, there] = mp::Pipe();
  give(queue, std::move(there));
  queue.shutdown({.immediate = true});
  expect_end_of_file(here);
}

TEST_P(EndsTest, AMessageThatCouldNotBePutKeepsEndOfFileFromNobody) {
  const Ends queue(1);
  pass_one(queue);
  auto [kept, its] = mp::Pipe();
  give(queue, std::move(its));
  auto [here, there] = mp::Pipe();
  EXPECT_THROW(queue.put_nowait(there), mp::Full);
  there.close();
  expect_end_of_file(here);
  (void)queue.get();
}

TEST_P(EndsTest, TheMessageOfASenderThatWasKilledIsReceived) {
  const Ends queue;
  auto child = started(
      [](Ends q) {
        auto [here, there] = mp::Pipe();
        give(q, std::move(there));
        here.send(7);
        raise(SIGKILL);
      },
      queue);
  expect_end(child, -SIGKILL);
  const Connection end = queue.get();
  EXPECT_EQ(end.recv<int>(), 7);
  expect_end_of_file(end);
}

TEST_P(EndsTest, AReceiverThatIsKilledTakesItsEndAlong) {
  const Ends queue;
  auto [here, there] = mp::Pipe();
  give(queue, std::move(there));
  auto child = started(
      [](Ends q) {
        const Connection end = q.get();
        raise(SIGKILL);
      },
      queue);
  expect_end(child, -SIGKILL);
  expect_end_of_file(here);
}

TEST_P(EndsTest, ChildrenThatWereMadeMeanwhileDoNotHaveTheEnd) {
  const Ends queue;
  const Counters steps;
  auto [here, there] = mp::Pipe();
  give(queue, std::move(there));
  auto bystander = started(
      [](Counters s) {
        s.raise(0);
        s.wait_for(1, 1);
      },
      steps);
  steps.wait_for(1, 0);
  queue.get().close();
  expect_end_of_file(here);
  steps.raise(1);
  expect_end(bystander);
}

TEST_P(EndsTest, WhenTheKeeperWasKilledTheReceiverIsToldWhatIsLost) {
  const Ends queue;
  auto [here, there] = mp::Pipe();
  give(queue, std::move(there));
  kill(keeper_pid(), SIGKILL);
  try {
    (void)queue.get();
    ADD_FAILURE();
  } catch (const mp::ProcessError& error) {
    EXPECT_NE(std::string{error.what()}.find("1 end of a pipe"), std::string::npos) << error.what();
  }
  expect_end_of_file(here);
  pass_one(queue);  // by another keeper
}

template <class Call>
bool names_another_network(Call call) {
  try {
    call();
    return false;
  } catch (const mp::ProcessError& error) {
    return std::string{error.what()}.find("network namespace") != std::string::npos;
  }
}

constexpr int not_permitted = 77;

TEST_P(EndsTest, FromAnotherNetworkNamespaceTheKeeperIsOutOfReachAndTheErrorSaysSo) {
  const Ends queue;
  pass_one(queue);
  const pid_t keeper = keeper_pid();
  auto [here, there] = mp::Pipe();
  give(queue, std::move(there));
  auto child = started(
      [](Ends q) {
        if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0)
          throw mp::Exit{not_permitted};
        auto [ours, its] = mp::Pipe();
        if (!names_another_network([&, &end = its] { q.put(end); })) throw mp::Exit{1};
        if (!names_another_network([&] { (void)q.get(); })) throw mp::Exit{2};
      },
      queue);
  child.join();
  if (child.exitcode() == not_permitted) {
    queue.get().close();
    GTEST_SKIP() << "this process may not make a network namespace";
  }
  ASSERT_EQ(child.exitcode(), 0);
  expect_end_of_file(here);
  pass_one(queue);  // the others have their keeper still
  EXPECT_EQ(keeper_pid(), keeper);
}

TEST_P(EndsTest, AThousandEndsLeaveNothingBehind) {
  const Ends queue;
  const Ends back;
  auto child = started(
      [](Ends from, Ends to) {
        for (const Connection& end : from) to.put(end);
      },
      queue, back);
  pass_one(Ends{});
  const pid_t keeper = keeper_pid();
  wait_until([] { return kept_tickets() == 0; });
  const std::set<int> before = descriptors_of(keeper);
  for (int i = 0; i < 500; ++i) {
    auto [here, there] = mp::Pipe();
    give(queue, std::move(there));
    back.get().send(i);
    ASSERT_EQ(here.recv<int>(), i);
  }
  EXPECT_EQ(keeper_pid(), keeper);
  wait_until([] { return kept_tickets() == 0; });
  EXPECT_EQ(descriptors_of(keeper), before);
  queue.shutdown();
  expect_end(child);
}

}  // namespace
}  // namespace queues_test
