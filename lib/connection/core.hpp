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

  [[nodiscard]] bool begun() const { return header_got != 0 || !ends.empty(); }
};

/// What stands before a value in a message.
struct TypedHead {
  static constexpr std::size_t size = 5;
  std::uint32_t fingerprint;
  std::uint8_t parcel;  // its number, 0: no shared objects

  /// Of a message that is long enough.
  [[nodiscard]] static TypedHead of(std::string_view message);
};

/// What a descriptor that was asked for may not tell of: a message of a sender that was killed
/// before it rang, or has yet to ring. It may still come from one that is in its turn since before
/// that.
enum class Unrung { none, may_come, message };

class ConnectionCore final : public ReceivedEnd,
                             public std::enable_shared_from_this<ConnectionCore> {
 public:
  ConnectionCore(std::shared_ptr<EndFd> end, const ConnectionOptions& options, SharedEnd shared);
  ~ConnectionCore() override;

  [[nodiscard]] const std::shared_ptr<EndFd>& end() const { return end_; }
  [[nodiscard]] const SharedEnd& shared() const { return shared_; }
  [[nodiscard]] const ConnectionOptions& options() const { return options_; }
  [[nodiscard]] bool readable() const { return readable_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool writable() const { return options_.writable; }

  /// Sends the pieces as one message. What is in the envelope, unless that is null, goes along:
  /// ends as descriptors, handles held by a parcel; its number is put into `*parcel`, a byte in the
  /// pieces.
  void send(std::span<const std::string_view> pieces) { send(pieces, nullptr, nullptr); }
  void send(std::span<const std::string_view> pieces, const Envelope* envelope,
            std::uint8_t* parcel);

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
    bool in_parcel = false;  // of the message itself
  };
  /// Waits for a message; nothing when it is not whole in time.
  [[nodiscard]] std::optional<Received> receive(const Wanted& wanted, const Deadline& deadline);

  [[nodiscard]] bool poll(const Deadline& deadline);

  /// For this process, and tells the other side to look whether others have the end.
  void close() noexcept;

  // ---- from the ring to the socket, for good; see Ring

  /// The descriptor, readable from now on when a message or end-of-file is there.
  [[nodiscard]] int fileno();
  [[nodiscard]] Unrung unrung() const;
  /// The end is about to go to a process that does not share the ring. Throws SerializationError
  /// when messages wait in it.
  void leave_rings();
  /// In the turn to write: what is sent from now on goes by the socket.
  void leave_ring_out();
  /// In the turn to read: waits until what comes next comes by the socket.
  void await_socket();

  /// Throw OSError when it is closed or for the other direction.
  void check_readable() const;
  void check_writable() const;
  [[nodiscard]] Stream stream(int fd) const { return {fd, is_socket_, is_packets_}; }

 private:
  [[nodiscard]] SharedEnd::Posted post(const Envelope* envelope, std::size_t bytes) const;
  [[nodiscard]] bool send_in_turn(std::span<iovec> pieces, const Envelope* envelope,
                                  std::uint8_t* parcel);
  [[nodiscard]] bool put_at_once(std::span<const iovec> pieces, std::size_t size);
  void send_frame(Turn& turn, std::span<iovec> pieces, const Envelope* envelope);
  void break_off(Turn& turn);
  void tell_of_sent();
  [[nodiscard]] bool goes_by_ring(bool with_fds);
  void check_receiver() const;
  void check_receiver_of_sent(bool slept);
  void put(std::span<const iovec> pieces);

  /// The ring by which messages come, until nothing comes by it any more.
  [[nodiscard]] Ring* ring_in() const {
    return in_ != nullptr && !in_->settled() ? in_.get() : nullptr;
  }
  [[nodiscard]] std::optional<Received> receive_in_turn(const Wanted& wanted,
                                                        const Deadline& deadline);
  [[nodiscard]] bool await_packet(Turn& turn, const Deadline& deadline);
  [[nodiscard]] std::optional<Received> take_whole(const Wanted& wanted);
  [[nodiscard]] std::optional<Received> take_large(Ring& ring, const ParcelPacket& packet,
                                                   const Wanted& wanted) const;
  [[nodiscard]] std::optional<Received> receive_in_parts(Turn& turn, const Wanted& wanted,
                                                         const Deadline& deadline);
  void take_parcel(Received& received, const Wanted& wanted) const;
  [[nodiscard]] std::size_t longest(const Wanted& wanted) const;
  [[nodiscard]] bool sender_in_turn() const;
  void quieten();
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
  [[nodiscard]] bool is_reset(bool says_the_socket);
  [[noreturn]] static void lose_sender(Turn& turn);
  [[noreturn]] void lose_place();
  void stop_reading(Turn& turn);

  const std::shared_ptr<EndFd> end_;
  const ConnectionOptions options_;
  const SharedEnd shared_;
  const bool is_socket_;
  const bool is_unix_;
  const bool is_packets_;
  const std::unique_ptr<Ring> in_;  // of pipes
  const std::unique_ptr<Ring> out_;
  std::atomic<bool> readable_;
  std::atomic<bool> told_of_closing_{false};
  std::atomic<bool> told_of_reset_{false};
  unsigned unchecked_sends_ = 0;  // guarded by the turn to write, as the next
  std::uint32_t seen_closings_ = 0;
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

}  // namespace multiprocessing::detail
