// ConnectionCore: one end, as all copies of a Connection in one process share it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arena/message_handles.hpp"
#include "base/deadline.hpp"
#include "connection/frame.hpp"
#include "connection/shared_end.hpp"
#include "connection/stream.hpp"
#include "multiprocessing/connection/connection.hpp"
#include "process/end_fd.hpp"

namespace multiprocessing::detail {

/// What came of a message until now. Kept from one call to the next when time runs out amid it.
struct Inflow {
  std::array<unsigned char, longest_header> header{};
  std::size_t header_got = 0;
  std::optional<ParsedHeader> parsed;
  std::string body;
  std::size_t body_got = 0;
  std::vector<std::shared_ptr<EndFd>> ends;
};

/// What stands before a value in a message.
struct TypedHead {
  static constexpr std::size_t size = 5;
  std::uint32_t fingerprint;
  std::uint8_t parcel;  // its number, 0: no shared objects

  /// Of a message that is long enough.
  [[nodiscard]] static TypedHead of(std::string_view message);
};

class ConnectionCore final : public ReceivedEnd {
 public:
  ConnectionCore(std::shared_ptr<EndFd> end, const ConnectionOptions& options, SharedEnd shared);

  [[nodiscard]] const std::shared_ptr<EndFd>& end() const { return end_; }
  [[nodiscard]] const SharedEnd& shared() const { return shared_; }
  [[nodiscard]] const ConnectionOptions& options() const { return options_; }
  [[nodiscard]] bool readable() const { return readable_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool writable() const { return options_.writable; }

  /// Sends the pieces as one message. `fds` go along; `handles` are held by a parcel whose number
  /// is put into `*parcel`, a byte in the pieces.
  void send(std::span<const std::string_view> pieces) { send(pieces, nullptr, nullptr, nullptr); }
  void send(std::span<const std::string_view> pieces, const OutgoingFds* fds,
            const OutgoingHandles* handles, std::uint8_t* parcel);

  struct Wanted {
    std::optional<std::size_t> maxlength = {};
    std::span<std::byte> place = {};  // for the message, if it fits
    bool typed = false;               // with what may go along
  };
  struct Received {
    std::size_t size = 0;
    std::string body;  // unless it lies in the place that was wanted
    std::vector<std::shared_ptr<EndFd>> ends;
    std::uint8_t parcel = 0;
  };
  /// Waits for a message; nothing when it is not whole in time.
  [[nodiscard]] std::optional<Received> receive(const Wanted& wanted, const Deadline& deadline);

  [[nodiscard]] bool poll(const Deadline& deadline);

  /// Throw OSError when it is closed or for the other direction.
  void check_readable(const EndFd::Use& use) const;
  void check_writable(const EndFd::Use& use) const;
  /// Whether a message of this size goes and comes by one call, so that no death can tear it.
  [[nodiscard]] bool goes_at_once(std::uint64_t size) const;
  [[nodiscard]] Stream stream(const EndFd::Use& use) const {
    return {use.get(), is_socket_, is_packets_};
  }

 private:
  std::uint8_t post(const OutgoingHandles& handles, int fd) const;
  void send_frame(Stream stream, Turn& turn, std::span<iovec> pieces, const OutgoingFds* fds);

  [[nodiscard]] bool receive_packet(Stream stream, Turn& turn, const Wanted& wanted,
                                    const Deadline& deadline);
  [[nodiscard]] bool receive_header(Stream stream, Turn& turn, const Wanted& wanted,
                                    const Deadline& deadline);
  [[nodiscard]] bool receive_body(Stream stream, Turn& turn, const Wanted& wanted,
                                  const Deadline& deadline);
  void unpack(std::span<const unsigned char> packet, const Wanted& wanted, Turn& turn);
  [[nodiscard]] std::span<std::byte> room_for(const Wanted& wanted);
  void take_header(std::span<const unsigned char> beginning, const Wanted& wanted, Turn& turn);
  [[nodiscard]] std::uint8_t parcel_in(const std::string& body) const;
  [[nodiscard]] Read take(Stream stream, const iovec& piece, bool with_fds, bool wait);
  [[nodiscard]] bool wait_for_more(Stream stream, Turn& turn, const Deadline& deadline);
  [[noreturn]] void end_of_file(Turn& turn);
  [[noreturn]] void lose_place(int fd);
  void stop_reading(Turn& turn);

  const std::shared_ptr<EndFd> end_;
  const ConnectionOptions options_;
  const SharedEnd shared_;
  const bool is_socket_;
  const bool is_unix_;
  const bool is_packets_;
  std::atomic<bool> readable_;
  Inflow inflow_;  // guarded by the turn to read
};

/// Between the public class and what it stands for.
class ConnectionAccess {
 public:
  [[nodiscard]] static Connection make(std::shared_ptr<ConnectionCore> core) {
    return Connection{std::move(core)};
  }
  /// Throws OSError for no end.
  [[nodiscard]] static ConnectionCore& core(const Connection& connection);
};

[[noreturn]] void throw_closed();

}  // namespace multiprocessing::detail
