// Handshake: how two sides prove to each other that they know one key. CPython's protocol, of both
// generations: 3.11 and before by MD5, 3.12 and later by SHA-256.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// A key, and what proofs by it are good enough.
struct Credentials {
  Bytes key;
  bool require_sha256 = false;
};

// ---- the messages

inline constexpr std::string_view challenge_mark = "#CHALLENGE#";
inline constexpr std::string_view welcome = "#WELCOME#";
inline constexpr std::string_view failure = "#FAILURE#";

/// How long a message may be until the other side has proved what it knows.
inline constexpr std::size_t longest_unproved = 256;

/// A fresh text that the other side has to sign, with its mark. Throws ValueError for a digest that
/// is unknown.
[[nodiscard]] MULTIPROCESSING_API std::string make_challenge(std::string_view digest = "sha256");

/// The answer to a challenge. Throws AuthenticationError for what is none.
[[nodiscard]] MULTIPROCESSING_API std::string answer_to(std::string_view challenge,
                                                        const Credentials& credentials);

/// Whether the answer signs the challenge. Throws AuthenticationError for what is none.
[[nodiscard]] MULTIPROCESSING_API bool verify_answer(std::string_view challenge,
                                                     std::string_view answer,
                                                     const Credentials& credentials);

// ---- the course of it, without any waiting

/// One side of a handshake. The caller writes what outgoing() tells, reads no more than wanted(),
/// and repeats that until it is done: what follows in the stream is not part of it.
class MULTIPROCESSING_API Handshake {
 public:
  enum class Side { listener, client };
  Handshake(Side side, Credentials credentials);

  [[nodiscard]] bool done() const { return step_ == Step::done && outgoing_.empty(); }

  [[nodiscard]] std::string_view outgoing() const { return outgoing_; }
  /// Throws AuthenticationError when what was sent was a refusal.
  void sent(std::size_t size);

  /// How many bytes may be read; none while something is to be written.
  [[nodiscard]] std::size_t wanted() const;
  /// Throws AuthenticationError when the other side refuses us, or says what makes no sense.
  void received(std::string_view bytes);

  /// Replaces the text of the challenge, for tests that replay a handshake.
  void use_challenge(std::string challenge);

 private:
  enum class Step { await_answer, await_challenge, await_welcome, done, refused };

  void send(std::string_view message);
  void challenge();
  void take(std::string_view message);
  void next_half();

  Side side_;
  Credentials credentials_;
  Step step_;
  bool second_half_ = false;
  std::string challenge_;
  std::string outgoing_;
  std::string incoming_;  // header and message, as far as they came
};

}  // namespace multiprocessing::detail
