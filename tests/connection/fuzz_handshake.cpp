// Bytes from a peer that has proved nothing yet.
#include <algorithm>
#include <string>
#include <string_view>

#include "connection/handshake.hpp"
#include "multiprocessing/base/errors.hpp"

namespace mp = multiprocessing;
using mp::detail::Handshake;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const auto side = (data[0] & 1) != 0 ? Handshake::Side::listener : Handshake::Side::client;
  std::string_view rest{reinterpret_cast<const char*>(data) + 1, size - 1};
  Handshake handshake{side, {mp::Bytes{"key"}, (data[0] & 2) != 0}};
  try {
    while (!handshake.done()) {
      handshake.sent(handshake.outgoing().size());
      const std::size_t wanted = std::min(handshake.wanted(), rest.size());
      if (wanted == 0) break;
      handshake.received(rest.substr(0, wanted));
      rest.remove_prefix(wanted);
    }
    if (handshake.done()) __builtin_trap();  // nobody guesses the key
  } catch (const mp::AuthenticationError&) {
  }
  return 0;
}
