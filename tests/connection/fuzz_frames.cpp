// Bytes from a peer, in the place of frames.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/connection.hpp"

namespace mp = multiprocessing;

namespace {

using Value = std::tuple<std::map<std::string, std::vector<int>>, std::optional<std::string>>;

void receive(const mp::Connection& end, unsigned way) {
  std::array<char, 7> small{};
  switch (way % 5) {
    case 0:
      (void)end.recv_bytes();
      break;
    case 1:
      (void)end.recv<Value>();
      break;
    case 2:
      (void)end.recv_bytes_into(small);
      break;
    case 3:
      (void)end.recv_bytes(20);
      break;
    case 4:
      (void)end.recv<std::optional<mp::Connection>>();
  }
}

void receive_all(const mp::Connection& end, unsigned way) {
  while (!end.closed() && end.readable()) {
    try {
      receive(end, way);
    } catch (const mp::SerializationError&) {  // of this message alone
    } catch (const mp::BufferTooShort&) {
    } catch (const mp::EOFError&) {
      return;
    } catch (const mp::OSError&) {
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  auto [reader, writer] = mp::Pipe();  // of packets
  if ((data[0] & 128) != 0) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return 0;
    reader = mp::Connection{fds[0]};
    writer = mp::Connection{fds[1]};
  }
  if (write(writer.fileno(), data + 1, size - 1) < 0) return 0;
  writer.close();
  receive_all(reader, data[0] & 127);
  return 0;
}
