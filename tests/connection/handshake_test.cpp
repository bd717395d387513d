// The handshake, beside transcripts of CPython's.
#include "connection/handshake.hpp"

#include <gtest/gtest.h>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/connection.hpp"
#include "vectors.hpp"

namespace connection_test {
namespace {

namespace mp = multiprocessing;
using mp::detail::Credentials;
using mp::detail::Handshake;

Credentials key_of(const std::string& line) {
  return {mp::Bytes{from_hex(field(line, "key"))}, false};
}

/// Plays one side against a transcript. The challenge of ours is the transcript's.
void replay(const std::string& line, Handshake::Side side) {
  const std::string name = side == Handshake::Side::listener ? "listener" : "client";
  const auto messages = pairs(line, "messages");
  const auto stream = pairs(line, "stream");
  Handshake ours{side, key_of(line)};
  for (std::size_t i = 0; i < stream.size(); ++i) {
    const std::string bytes = from_hex(stream[i].second);
    if (stream[i].first == name) {
      const std::string message = from_hex(messages[i].second);
      if (message.starts_with("#CHALLENGE#")) ours.use_challenge(message);
      EXPECT_EQ(to_hex(ours.outgoing()), stream[i].second) << field(line, "id");
      ours.sent(ours.outgoing().size());
      continue;
    }
    for (const char letter : bytes) {  // one by one: it never wants more than there is
      ASSERT_GE(ours.wanted(), 1U);
      ours.received({&letter, 1});
    }
  }
  EXPECT_TRUE(ours.done()) << field(line, "id");
}

TEST(HandshakeTest, TranscriptsOfPythonAreReplayedByBothSidesInBothGenerations) {
  unsigned count = 0;
  for (const std::string& line : vectors("auth.jsonl", "handshake-")) {
    // What an old side says of its own is not what we say: we are of the new generation.
    if (field(line, "listener") == "new") replay(line, Handshake::Side::listener), ++count;
    if (field(line, "client") == "new") replay(line, Handshake::Side::client), ++count;
  }
  EXPECT_EQ(count, 20U);
}

TEST(HandshakeTest, ChallengesByEachDigestAreAnsweredAsByPython) {
  unsigned count = 0;
  for (const std::string& line : vectors("auth.jsonl", "digest-")) {
    EXPECT_EQ(to_hex(answer_to(from_hex(field(line, "challenge")), key_of(line))),
              field(line, "answer"))
        << field(line, "id");
    ++count;
  }
  EXPECT_EQ(count, 5U);
}

TEST(HandshakeTest, WhatIsNoChallengeIsNotAnswered) {
  for (const std::string& line : vectors("auth.jsonl", "challenge-reject"))
    EXPECT_THROW((void)answer_to(from_hex(field(line, "challenge")), key_of(line)),
                 mp::AuthenticationError)
        << field(line, "id");
}

TEST(HandshakeTest, AnswersAreAcceptedAndRefusedAsByPython) {
  unsigned count = 0;
  for (const std::string& line : vectors("auth.jsonl", "verify-")) {
    bool accepted = false;
    try {
      accepted = verify_answer(from_hex(field(line, "challenge")), from_hex(field(line, "answer")),
                               key_of(line));
    } catch (const mp::AuthenticationError&) {
    }
    EXPECT_EQ(accepted, field(line, "accept") == "true") << field(line, "id");
    ++count;
  }
  EXPECT_EQ(count, 15U);
}

// CPython: ChallengeResponseTest.test_challengeresponse
TEST(HandshakeTest, EveryDigestVerifiesWhatItSigned) {
  const Credentials key{mp::Bytes{"mykey"}, false};
  for (const char* digest : {"md5", "sha256", "sha384", "sha3_256", "sha3_384"}) {
    const std::string challenge = mp::detail::make_challenge(digest);
    EXPECT_TRUE(verify_answer(challenge, answer_to(challenge, key), key)) << digest;
  }
  const std::string old = "#CHALLENGE#" + std::string(20, 'x');
  EXPECT_TRUE(verify_answer(old, answer_to(old, key), key));
  EXPECT_THROW((void)mp::detail::make_challenge("sha1"), mp::ValueError);
}

TEST(HandshakeTest, Md5IsRefusedOnRequest) {
  const Credentials strict{mp::Bytes{"key"}, true};
  const Credentials lax{mp::Bytes{"key"}, false};
  const std::string old = "#CHALLENGE#" + std::string(20, 'x');
  EXPECT_THROW((void)answer_to(old, strict), mp::AuthenticationError);
  const std::string challenge = mp::detail::make_challenge("md5");
  EXPECT_THROW((void)verify_answer(challenge, answer_to(challenge, lax), strict),
               mp::AuthenticationError);
  const std::string good = mp::detail::make_challenge();
  EXPECT_TRUE(verify_answer(good, answer_to(good, strict), strict));
}

TEST(HandshakeTest, AMessageThatIsTooLongForAHandshakeEndsItUnread) {
  Handshake ours{Handshake::Side::client, {mp::Bytes{"key"}, false}};
  EXPECT_THROW(ours.received(from_hex("00000101")), mp::AuthenticationError);
}

// CPython: OtherTest.test_deliver_challenge_auth_failure
TEST(HandshakeTest, AWrongAnswerFailsTheDelivery) {
  auto [here, there] = mp::Pipe();
  there.send_bytes("something bogus");
  EXPECT_THROW(mp::deliver_challenge(here, mp::Bytes{"abc"}), mp::AuthenticationError);
}

// CPython: OtherTest.test_answer_challenge_auth_failure
TEST(HandshakeTest, ABogusWelcomeFailsTheAnswer) {
  auto [here, there] = mp::Pipe();
  there.send_bytes(mp::detail::make_challenge());
  there.send_bytes("something bogus");
  EXPECT_THROW(mp::answer_challenge(here, mp::Bytes{"abc"}), mp::AuthenticationError);
}

}  // namespace
}  // namespace connection_test
