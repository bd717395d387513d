#include "multiprocessing/connection/connection.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

#include "connection/core.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing {
namespace {

using detail::ConnectionAccess;
using detail::ConnectionCore;
using detail::Deadline;
using detail::EndFd;
using detail::SharedEnd;
using detail::TypedHead;

enum Flags : std::uint8_t { readable_flag = 2, writable_flag = 4, pipe_flag = 8, side_flag = 16 };

std::shared_ptr<ConnectionCore> take_over(int fd, const ConnectionOptions& options) {
  if (fd < 0) throw ValueError("invalid handle: " + std::to_string(fd) + " is no descriptor");
  if (!options.readable && !options.writable)
    throw ValueError("at least one of readable and writable must be true");
  std::shared_ptr<EndFd> end;
  {
    std::scoped_lock guard{detail::fork_gate()};
    end = std::make_shared<EndFd>(detail::UniqueFd{fd});
  }
  return std::make_shared<ConnectionCore>(std::move(end), options, SharedEnd{});
}

std::size_t checked_length(std::ptrdiff_t maxlength) {
  if (maxlength < 0) throw ValueError("negative maxlength");
  return static_cast<std::size_t>(maxlength);
}

[[noreturn]] void throw_late() {
  throw TimeoutError("no whole message has come by the connection in time");
}

Bytes received_bytes(std::optional<ConnectionCore::Received> received) {
  if (!received) throw_late();
  return Bytes{std::move(received->body)};
}

void check_type(std::string_view message, const detail::MessageType& wanted) {
  std::uint32_t fingerprint = 0;
  const bool has_head = message.size() >= TypedHead::size;
  if (has_head) fingerprint = TypedHead::of(message).fingerprint;
  if (has_head && fingerprint == wanted.fingerprint()) return;
  throw SerializationError("the message holds " +
                           (has_head ? detail::MessageType::describe(fingerprint, wanted)
                                     : std::string{"no value but bytes (see recv_bytes)"}) +
                           ", and a " + wanted.name() + " was to be received");
}

}  // namespace

Connection::Connection() noexcept = default;
Connection::Connection(int fd, ConnectionOptions options) : core_(take_over(fd, options)) {}
Connection::Connection(std::shared_ptr<ConnectionCore> core) noexcept : core_(std::move(core)) {}
Connection::Connection(const Connection& other) noexcept = default;
Connection::Connection(Connection&& other) noexcept = default;
Connection& Connection::operator=(const Connection& other) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept = default;
Connection::~Connection() = default;

// ---- values

void Connection::send_value(const detail::MessageType& type, WriteValue write,
                            const void* value) const {
  ConnectionCore& core = ConnectionAccess::core(*this);
  detail::Writer writer;
  detail::Envelope envelope;
  writer.raw(type.fingerprint());
  writer.raw(std::uint8_t{0});  // the parcel's number, once it has one
  {
    using Takes = detail::Envelope::Takes;
    const detail::Envelope::Writing writing{envelope,
                                            core.shared().is_pipe() ? Takes::all : Takes::ends};
    write(writer, value);
  }
  std::string bytes = writer.take();
  const std::string_view piece{bytes};
  auto* const parcel = reinterpret_cast<std::uint8_t*>(bytes.data()) + TypedHead::size - 1;
  core.send({&piece, 1}, envelope.empty() ? nullptr : &envelope, parcel);
}

void Connection::send_contiguous(const detail::MessageType& type, std::uint64_t count,
                                 std::string_view elements) const {
  std::array<char, TypedHead::size + sizeof count> head{};  // no handles, so no parcel's number
  const std::uint32_t fingerprint = type.fingerprint();
  std::memcpy(head.data(), &fingerprint, sizeof fingerprint);
  std::memcpy(head.data() + TypedHead::size, &count, sizeof count);
  const std::array<std::string_view, 2> pieces{std::string_view{head.data(), head.size()},
                                               elements};
  ConnectionAccess::core(*this).send(pieces);
}

bool Connection::recv_value(const detail::MessageType& type, Timeout timeout, InTime in_time,
                            ReadValue read, void* into) const {
  ConnectionCore& core = ConnectionAccess::core(*this);
  auto received = core.receive({.typed = true}, Deadline{timeout});
  if (!received && in_time == InTime::must) throw_late();
  if (!received) return false;
  const detail::OpenParcel parcel{core.shared(), received->parcel};
  const std::string_view message = received->in_parcel
                                       ? std::string_view{parcel.body(), received->size}
                                       : std::string_view{received->body};
  check_type(message, type);
  const detail::Envelope::Reading reading{parcel.links(), std::move(received->ends)};
  detail::Reader reader{message.substr(TypedHead::size)};
  read(reader, into);
  return true;
}

// ---- bytes

void Connection::send_bytes(std::string_view bytes) const {
  ConnectionAccess::core(*this).send({&bytes, 1});
}

void Connection::send_bytes(std::string_view bytes, std::ptrdiff_t offset,
                            std::optional<std::ptrdiff_t> size) const {
  const auto length = static_cast<std::ptrdiff_t>(bytes.size());
  if (offset < 0) throw ValueError("offset is negative");
  if (length < offset) throw ValueError("buffer length < offset");
  if (size && *size < 0) throw ValueError("size is negative");
  if (size && *size > length - offset) throw ValueError("buffer length < offset + size");
  send_bytes(bytes.substr(static_cast<std::size_t>(offset),
                          static_cast<std::size_t>(size.value_or(length - offset))));
}

Bytes Connection::recv_bytes() const { return recv_bytes(Timeout::forever); }

Bytes Connection::recv_bytes(Timeout timeout) const {
  return received_bytes(ConnectionAccess::core(*this).receive({}, Deadline{timeout}));
}

Bytes Connection::recv_bytes(std::ptrdiff_t maxlength) const {
  return recv_bytes(maxlength, Timeout::forever);
}

Bytes Connection::recv_bytes(std::ptrdiff_t maxlength, Timeout timeout) const {
  return received_bytes(ConnectionAccess::core(*this).receive(
      {.maxlength = checked_length(maxlength)}, Deadline{timeout}));
}

std::optional<Bytes> Connection::try_recv_bytes(Timeout timeout) const {
  auto received = ConnectionAccess::core(*this).receive({}, Deadline{timeout});
  if (!received) return std::nullopt;
  return Bytes{std::move(received->body)};
}

std::size_t Connection::recv_into(std::span<std::byte> buffer, std::ptrdiff_t offset) const {
  if (offset < 0) throw ValueError("negative offset");
  if (static_cast<std::size_t>(offset) > buffer.size()) throw ValueError("offset too large");
  const std::span<std::byte> place = buffer.subspan(static_cast<std::size_t>(offset));
  auto received = *ConnectionAccess::core(*this).receive({.place = place}, Deadline::never());
  if (received.size > place.size())
    throw BufferTooShort("a message of " + std::to_string(received.size) +
                             " bytes does not fit into the " + std::to_string(place.size()) +
                             " there are",
                         Bytes{std::move(received.body)});
  if (!received.body.empty()) std::memcpy(place.data(), received.body.data(), received.size);
  return received.size;
}

// ---- values of Python

void Connection::send_pickled(const Object& value) const { send_bytes(dumps(value)); }

Object Connection::recv_pickled(PickleOptions options) const {
  return recv_pickled(Timeout::infinite, options);
}

Object Connection::recv_pickled(Timeout timeout, PickleOptions options) const {
  return loads(recv_bytes(timeout), options);
}

// ---- state

bool Connection::poll() const { return poll(std::chrono::nanoseconds{0}); }
bool Connection::poll(Timeout timeout) const {
  return ConnectionAccess::core(*this).poll(Deadline{timeout});
}

int Connection::fileno() const { return ConnectionAccess::core(*this).fileno(); }

void Connection::close() const noexcept {
  if (core_ != nullptr) core_->close();
}
bool Connection::closed() const noexcept { return core_ == nullptr || core_->end()->closed(); }
bool Connection::readable() const noexcept { return core_ != nullptr && core_->readable(); }
bool Connection::writable() const noexcept { return core_ != nullptr && core_->writable(); }

// ---- sending an end

Connection::Wire Connection::save() const {
  ConnectionCore& core = ConnectionAccess::core(*this);
  if (core.end()->closed()) detail::throw_closed();
  Wire wire;
  wire.place = detail::Envelope::enclose(core.end());
  if (!detail::Envelope::takes_handles()) core.leave_rings();
  wire.max_message_size = core.options().max_message_size;
  const SharedEnd& shared = core.shared();
  wire.flags = static_cast<std::uint8_t>((core.readable() ? readable_flag : 0) |
                                         (core.writable() ? writable_flag : 0));
  if (!detail::Envelope::takes_handles()) return wire;
  wire.flags =
      static_cast<std::uint8_t>(wire.flags | has_shared | (shared.is_pipe() ? pipe_flag : 0) |
                                (shared.side() != 0 ? side_flag : 0));
  wire.shared = shared.handle();
  return wire;
}

Connection Connection::load(const Wire& wire) {
  auto& arrived = detail::Envelope::enclosed(wire.place);
  if (arrived.made == nullptr) {
    const ConnectionOptions options{
        .readable = (wire.flags & readable_flag) != 0,
        .writable = (wire.flags & writable_flag) != 0,
        .max_message_size = static_cast<std::size_t>(wire.max_message_size)};
    const bool is_pipe = (wire.flags & has_shared) != 0 && (wire.flags & pipe_flag) != 0;
    SharedEnd shared =
        (wire.flags & has_shared) == 0
            ? SharedEnd{}
            : SharedEnd{wire.shared, (wire.flags & side_flag) != 0 ? 1U : 0U, is_pipe};
    arrived.made = std::make_shared<ConnectionCore>(arrived.end, options, std::move(shared));
  }
  auto core = std::dynamic_pointer_cast<ConnectionCore>(arrived.made);
  if (core == nullptr) throw SerializationError("what came along is no connection");
  return Connection{std::move(core)};
}

}  // namespace multiprocessing
