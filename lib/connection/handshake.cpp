#include "connection/handshake.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "base/os_error.hpp"
#include "connection/frame.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t random_bytes = 40;
constexpr std::size_t old_text = 20;   // of a challenge before 3.12
constexpr std::size_t old_proof = 16;  // MD5 without a name
constexpr std::size_t longest_name = 8;

const EVP_MD* digest_of(std::string_view name) {
  if (name == "sha256") return EVP_sha256();
  if (name == "md5") return EVP_md5();
  if (name == "sha384") return EVP_sha384();
  if (name == "sha3_256") return EVP_sha3_256();
  if (name == "sha3_384") return EVP_sha3_384();
  return nullptr;
}

/// A text or an answer: the digest that it names, if any, and what follows.
struct Signed {
  std::string_view name;  // empty: the old generation
  std::string_view payload;
};

Signed parse(std::string_view text) {
  if (text.size() == old_text || text.size() == old_proof) return {{}, text};
  const std::size_t end = text.find('}');
  const bool named =
      text.starts_with('{') && end != std::string_view::npos && end >= 2 && end <= longest_name + 1;
  if (!named || digest_of(text.substr(1, end - 1)) == nullptr)
    throw AuthenticationError("unsupported message format or digest of the other side");
  return {text.substr(1, end - 1), text.substr(end + 1)};
}

std::string_view text_of(std::string_view challenge) {
  return challenge.substr(challenge_mark.size());
}

std::string hmac(std::string_view name, const Bytes& key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> proof{};
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (HMAC(digest_of(name), key.data(), static_cast<int>(key.size()), bytes, text.size(),
           proof.data(), &size) == nullptr)
    throw AuthenticationError("libcrypto does not offer " + std::string{name} + " here");
  return {reinterpret_cast<const char*>(proof.data()), size};
}

void require(const Credentials& credentials, std::string_view name) {
  if (credentials.require_sha256 && (name.empty() || name == "md5"))
    throw AuthenticationError("the other side wants a proof by MD5, which this one refuses");
}

std::optional<ParsedHeader> checked_header(std::string_view stream) {
  std::optional<ParsedHeader> parsed;
  try {
    parsed = parse_header({reinterpret_cast<const unsigned char*>(stream.data()), stream.size()});
  } catch (const OSError&) {
    throw AuthenticationError("the other side does not speak this protocol");
  }
  if (parsed && parsed->message_size > longest_unproved)
    throw AuthenticationError("the other side sends too much before it has proved its key");
  return parsed;
}

// What makes no sense is refused like what is wrong, so that the other side hears of it.
bool is_right(std::string_view challenge, std::string_view answer, const Credentials& credentials) {
  try {
    return verify_answer(challenge, answer, credentials);
  } catch (const AuthenticationError&) {
    return false;
  }
}

}  // namespace

std::string make_challenge(std::string_view digest) {
  if (digest_of(digest) == nullptr)
    throw ValueError("unknown digest " + std::string{digest} +
                     ": md5, sha256, sha384, sha3_256 and sha3_384 are known");
  std::string text{challenge_mark};
  text.append("{").append(digest).append("}");
  const std::size_t start = text.size();
  text.resize(start + random_bytes);
  if (::getrandom(text.data() + start, random_bytes, 0) != static_cast<ssize_t>(random_bytes))
    throw_os_error("getrandom");
  return text;
}

std::string answer_to(std::string_view challenge, const Credentials& credentials) {
  if (!challenge.starts_with(challenge_mark))
    throw AuthenticationError("the other side asks for no proof: is one side without a key?");
  const std::string_view text = text_of(challenge);
  if (text.size() < old_text) throw AuthenticationError("the challenge is too short");
  const Signed asked = parse(text);
  require(credentials, asked.name);
  if (asked.name.empty()) return hmac("md5", credentials.key, text);
  return '{' + std::string{asked.name} + '}' + hmac(asked.name, credentials.key, text);
}

bool verify_answer(std::string_view challenge, std::string_view answer,
                   const Credentials& credentials) {
  const Signed given = parse(answer);
  require(credentials, given.name);
  const std::string proof =
      hmac(given.name.empty() ? "md5" : given.name, credentials.key, text_of(challenge));
  // The time it takes tells nothing about where they differ.
  return proof.size() == given.payload.size() &&
         CRYPTO_memcmp(proof.data(), given.payload.data(), proof.size()) == 0;
}

Handshake::Handshake(Side side, Credentials credentials)
    : side_(side), credentials_(std::move(credentials)), step_(Step::await_challenge) {
  if (side_ == Side::listener) challenge();
}

void Handshake::challenge() {
  challenge_ = make_challenge();
  send(challenge_);
  step_ = Step::await_answer;
}

void Handshake::use_challenge(std::string challenge) {
  challenge_ = std::move(challenge);
  outgoing_.clear();
  send(challenge_);
}

void Handshake::send(std::string_view message) {
  const FrameHeader header = make_header(message.size());
  outgoing_.append(reinterpret_cast<const char*>(header.bytes.data()), header.size);
  outgoing_.append(message);
}

void Handshake::sent(std::size_t size) {
  outgoing_.erase(0, size);
  if (step_ == Step::refused && outgoing_.empty())
    throw AuthenticationError("digest received was wrong: the other side has another key");
}

std::size_t Handshake::wanted() const {
  if (!outgoing_.empty() || step_ == Step::done) return 0;
  const auto parsed = checked_header(incoming_);
  if (!parsed) return incoming_.size() < 4 ? 4 - incoming_.size() : 12 - incoming_.size();
  return parsed->header_size + static_cast<std::size_t>(parsed->message_size) - incoming_.size();
}

void Handshake::received(std::string_view bytes) {
  incoming_.append(bytes);
  const auto parsed = checked_header(incoming_);
  if (!parsed) return;
  if (incoming_.size() < parsed->header_size + parsed->message_size) return;
  const std::string message = std::exchange(incoming_, {}).substr(parsed->header_size);
  take(message);
}

void Handshake::take(std::string_view message) {
  if (step_ == Step::await_challenge) {
    send(answer_to(message, credentials_));
    step_ = Step::await_welcome;
  } else if (step_ == Step::await_welcome) {
    if (message != welcome)
      throw AuthenticationError("digest sent was rejected: the other side has another key");
    next_half();
  } else if (step_ == Step::await_answer) {
    const bool right = is_right(challenge_, message, credentials_);
    send(right ? welcome : failure);
    if (right)
      next_half();
    else
      step_ = Step::refused;
  }
}

void Handshake::next_half() {
  if (std::exchange(second_half_, true))
    step_ = Step::done;
  else if (side_ == Side::listener)
    step_ = Step::await_challenge;
  else
    challenge();
}

}  // namespace multiprocessing::detail
