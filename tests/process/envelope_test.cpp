// Envelopes as the authors and the receivers of messages use them.
#include "process/envelope.hpp"

#include <unistd.h>

#include <mutex>
#include <utility>
#include <vector>

#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"
#include "process/fork_server.hpp"
#include "process/keeper.hpp"
#include "process_suite.hpp"

namespace process_test {
namespace {

using namespace mp::detail;

std::pair<std::shared_ptr<EndFd>, std::shared_ptr<EndFd>> connected_ends() {
  std::scoped_lock guard{fork_gate()};
  auto [here, there] = make_channel();
  return {std::make_shared<EndFd>(std::move(here)), std::make_shared<EndFd>(std::move(there))};
}

TEST(EnvelopeTest, WhatIsWrittenInAnInnerOneIsNotInTheOuterOne) {
  const auto [here, there] = connected_ends();
  const Handle first = Handle::make(8);
  const Handle second = Handle::make(8);
  Envelope outer;
  Envelope inner;
  const Envelope::Writing writing{outer};
  (void)first.save();
  {
    const Envelope::Writing inside{inner};
    (void)second.save();
    EXPECT_EQ(Envelope::enclose(here), 0U);
  }
  EXPECT_EQ(Envelope::enclose(there), 0U);
  ASSERT_EQ(outer.handles().size(), 1U);
  EXPECT_EQ(outer.handles()[0], first);
  ASSERT_EQ(inner.handles().size(), 1U);
  EXPECT_EQ(inner.handles()[0], second);
  EXPECT_EQ(outer.ends()[0], there);
  EXPECT_EQ(inner.ends()[0], here);
}

TEST(EnvelopeTest, WhatIsMentionedTwiceIsInItOnce) {
  const auto [here, there] = connected_ends();
  const Handle object = Handle::make(8);
  Envelope envelope;
  const Envelope::Writing writing{envelope};
  (void)object.save();
  (void)object.save();
  EXPECT_EQ(Envelope::enclose(here), 0U);
  EXPECT_EQ(Envelope::enclose(there), 1U);
  EXPECT_EQ(Envelope::enclose(here), 0U);
  EXPECT_EQ(envelope.handles().size(), 1U);
  EXPECT_EQ(envelope.ends().size(), 2U);
}

TEST(EnvelopeTest, ForAReceiverOutsideOfTheFamilyItTakesEndsAlone) {
  const auto [here, there] = connected_ends();
  const Handle object = Handle::make(8);
  Envelope envelope;
  const Envelope::Writing writing{envelope, Envelope::Takes::ends};
  EXPECT_THROW((void)object.save(), mp::SerializationError);
  EXPECT_EQ(Envelope::enclose(here), 0U);
}

TEST(EnvelopeTest, TheReceiverOfAMessageInSharedMemoryFindsTheEndsInItOnce) {
  auto [here, there] = connected_ends();
  Envelope envelope;
  {
    const Envelope::Writing writing{envelope};
    EXPECT_EQ(Envelope::enclose(there), 0U);
  }
  envelope.leave_ends();
  EXPECT_TRUE(envelope.ends().empty());
  Handle message = Handle::make(8, envelope.handles().size());
  envelope.hold_by(links_of(message));
  envelope.clear();
  there.reset();
  {
    const Envelope::Reading reading{links_of(message)};
    EXPECT_EQ(write(EndFd::Use{*Envelope::enclosed(0).end}.get(), "x", 1), 1);
    EXPECT_THROW((void)Envelope::enclosed(1), mp::SerializationError);
  }
  char letter = 0;
  EXPECT_EQ(read(EndFd::Use{*here}.get(), &letter, 1), 1);
  EXPECT_EQ(letter, 'x');
  {
    const Envelope::Reading again{links_of(message)};
    EXPECT_THROW((void)Envelope::enclosed(0), mp::ProcessError);
  }
  EXPECT_THROW((void)Envelope::enclosed(0), mp::SerializationError);
  message = {};
  test_support::wait_until([] { return kept_tickets() == 0; });
}

/// A message in shared memory that the end is in; nothing else has it.
Handle message_with(std::shared_ptr<EndFd> end) {
  Envelope envelope;
  {
    const Envelope::Writing writing{envelope};
    (void)Envelope::enclose(end);
  }
  end.reset();
  envelope.leave_ends();
  Handle message = Handle::make(8, envelope.handles().size());
  envelope.hold_by(links_of(message));
  return message;
}

void expect_end_of_file(const std::shared_ptr<EndFd>& end) {
  char letter = 0;
  EXPECT_EQ(read(EndFd::Use{*end}.get(), &letter, 1), 0);
}

TEST(EnvelopeTest, AMessageThatIsDroppedUnreadLetsItsEndsGo) {
  auto [here, there] = connected_ends();
  Handle message = message_with(std::move(there));
  message = {};
  expect_end_of_file(here);
}

TEST(EnvelopeTest, AReaderThatThrowsLetsGoOfTheEndsThatHaveCome) {
  auto [here, there] = connected_ends();
  const Handle message = message_with(std::move(there));
  const auto receive = [&message] {
    const Envelope::Reading reading{links_of(message)};
    (void)Envelope::enclosed(0);
    throw mp::ValueError("the next value is wrong");
  };
  EXPECT_THROW(receive(), mp::ValueError);
  expect_end_of_file(here);
  EXPECT_THROW((void)Envelope::enclosed(0), mp::SerializationError);
}

TEST(EnvelopeTest, EndsThatCameWithAMessageAndThatNoValueAskedForAreClosed) {
  auto [here, there] = connected_ends();
  std::vector<std::shared_ptr<EndFd>> came;
  came.push_back(std::move(there));
  { const Envelope::Reading reading{{}, std::move(came)}; }
  expect_end_of_file(here);
}

TEST(EnvelopeTest, AWriterThatThrowsLeavesNothingInTheObjectsItMentioned) {
  const std::shared_ptr<EndFd> end = connected_ends().first;
  const Handle object = Handle::make(8);
  const std::uint32_t before = holders_of(object);
  const auto send = [&] {
    Envelope envelope;
    const Envelope::Writing writing{envelope};
    (void)object.save();
    (void)Envelope::enclose(end);
    throw mp::ValueError("the next value cannot be written");
  };
  EXPECT_THROW(send(), mp::ValueError);
  EXPECT_EQ(holders_of(object), before);
  EXPECT_EQ(end.use_count(), 1);
  EXPECT_THROW((void)object.save(), mp::SerializationError);
}

}  // namespace
}  // namespace process_test
