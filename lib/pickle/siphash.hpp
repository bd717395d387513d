// SipHash-1-3 (Aumasson, Bernstein), which CPython hashes text with, too: collisions cannot be
// chosen without the key.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace multiprocessing::detail {

struct SipKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

struct SipState {
  std::uint64_t a, b, c, d;
  void round() noexcept {
    a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
    c += d, d = std::rotl(d, 16) ^ c;
    a += d, d = std::rotl(d, 21) ^ a;
    c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
  }
  void take(std::uint64_t word) noexcept {
    d ^= word;
    round();
    a ^= word;
  }
};

[[nodiscard]] inline std::uint64_t siphash(const SipKey& key, std::string_view bytes) noexcept {
  SipState state{key.first ^ 0x736f6d6570736575, key.second ^ 0x646f72616e646f6d,
                 key.first ^ 0x6c7967656e657261, key.second ^ 0x7465646279746573};
  std::uint64_t last = std::uint64_t{bytes.size()} << 56U;
  std::size_t at = 0;
  for (; bytes.size() - at >= sizeof last; at += sizeof last) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    state.take(word);
  }
  for (unsigned shift = 0; at < bytes.size(); ++at, shift += 8)
    last |= std::uint64_t{static_cast<unsigned char>(bytes[at])} << shift;
  state.take(last);
  state.c ^= 0xff;
  for (int i = 0; i < 3; ++i) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

}  // namespace multiprocessing::detail
