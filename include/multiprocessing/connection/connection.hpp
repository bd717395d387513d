// Connection: one end of a pipe or socket, by which messages come and go.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/detail/handover.hpp"
#include "multiprocessing/detail/message_type.hpp"
#include "multiprocessing/pickle/pickle.hpp"

namespace multiprocessing {

namespace detail {
class ConnectionCore;
class ConnectionAccess;
}  // namespace detail

template <class T>
class Messages;

/// What a descriptor may be used for, for `Connection`'s constructor.
struct ConnectionOptions {
  bool readable = true;
  bool writable = true;

  /// Messages said to be longer are refused before memory is taken for them.
  std::size_t max_message_size = (std::numeric_limits<std::size_t>::max)();
};

/// One end of a pipe or socket, after Python's `multiprocessing.connection.Connection`. Comes from
/// `Pipe`, `Client` and `Listener::accept`.
///
///     conn.send(std::tuple{1, "one"});
///     auto [number, name] = other_end.recv<std::tuple<int, std::string>>();
///
/// Copies in one process are the same end: closing one closes it for all, and so does dropping the
/// last. An end moved into a Process is given away, one that is copied stays open here too; either
/// way the other side reads end-of-file only when every process that has the end has closed it. An
/// end can also be sent by another connection over a Pipe or AF_UNIX.
///
/// Any thread of any process that has the end may send and receive: messages do not mix, and each
/// arrives at one receiver, whole. When a process dies amid a message, no other waits for the rest:
/// it is an error on both sides.
///
/// Everything throws `OSError` once it is closed ("handle is closed"), and what is not for this
/// direction ("connection is read-only", "connection is write-only").
class MULTIPROCESSING_API Connection {
 public:
  /// No end; for a variable that is about to receive one. Counts as closed.
  Connection() noexcept;

  /// Takes over a descriptor from elsewhere. Throws `ValueError` when it is negative, or neither
  /// readable nor writable.
  explicit Connection(int fd, ConnectionOptions options = {});

  Connection(const Connection& other) noexcept;
  Connection(Connection&& other) noexcept;
  Connection& operator=(const Connection& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // ---- values

  /// Sends a value as one message. Waits while the other side has not made room. Throws
  /// `SerializationError` when the value cannot be sent, and then nothing is; `BrokenPipeError`
  /// when the other end is closed everywhere.
  template <class T>
  void send(const T& value) const;

  /// Waits for a message and gives the value in it. Throws `EOFError` when the other end is closed
  /// everywhere and all was read; `SerializationError` when it is not a `T` that was sent, and the
  /// message is gone then; `ConnectionResetError` when the other side went away amid a message or
  /// with things unread.
  template <class T>
  T recv() const;

  /// The same, but throws `TimeoutError` when the whole message has not come in time. What came of
  /// it is kept for the next call of this process.
  template <class T>
  T recv(Timeout timeout) const;

  /// The value if a whole message is there, or comes in time.
  template <class T>
  [[nodiscard]] std::optional<T> try_recv(Timeout timeout = std::chrono::nanoseconds{0}) const;

  /// What comes, message by message, until the other side is gone, however it went: its end closed
  /// everywhere (`EOFError` from `recv`), or its process killed (`ConnectionError`).
  ///
  ///     for (auto job : connection.messages<Job>()) connection.send(run(job));
  ///
  /// Each message costs what `recv` costs. Errors about a message, such as one of another type,
  /// come out of the loop; so does `ConnectionError` from a send in its body.
  template <class T>
  [[nodiscard]] Messages<T> messages() const;

  /// The same for messages of `send_bytes`.
  [[nodiscard]] Messages<Bytes> bytes_messages() const;

  // ---- bytes, in the form that Python's connections have

  /// Sends bytes as one message.
  void send_bytes(std::string_view bytes) const;

  /// Sends the part that begins at `offset`, to the end or of `size` bytes. Throws `ValueError`
  /// when it is not inside.
  void send_bytes(std::string_view bytes, std::ptrdiff_t offset,
                  std::optional<std::ptrdiff_t> size = {}) const;

  /// Sends the bytes of the items, which hold no pointers; `offset` and `size` count bytes.
  template <std::ranges::contiguous_range R>
  requires(!std::convertible_to<const R&, std::string_view>) void send_bytes(const R& items) const {
    send_bytes(bytes_of(items));
  }
  template <std::ranges::contiguous_range R>
  requires(!std::convertible_to<const R&, std::string_view>) void send_bytes(
      const R& items, std::ptrdiff_t offset, std::optional<std::ptrdiff_t> size = {}) const {
    send_bytes(bytes_of(items), offset, size);
  }

  /// Waits for a message and gives its bytes.
  Bytes recv_bytes() const;

  /// The same, but throws `TimeoutError` when the whole message has not come in time.
  Bytes recv_bytes(Timeout timeout) const;

  /// The same; a longer message is an `OSError` ("bad message length"), it is not read, and nothing
  /// can be received any more. Throws `ValueError` when negative.
  Bytes recv_bytes(std::ptrdiff_t maxlength) const;
  Bytes recv_bytes(std::ptrdiff_t maxlength, Timeout timeout) const;

  /// The bytes if a whole message is there, or comes in time.
  [[nodiscard]] std::optional<Bytes> try_recv_bytes(Timeout timeout = std::chrono::nanoseconds{
                                                        0}) const;

  /// Waits for a message and puts its bytes into `buffer`, from byte `offset` on; how many. Throws
  /// `BufferTooShort`, which holds the message, when they do not fit, and `ValueError` for an
  /// offset outside.
  template <std::ranges::contiguous_range R>
  std::size_t recv_bytes_into(R&& buffer, std::ptrdiff_t offset = 0) const {
    static_assert(detail::Flat<std::ranges::range_value_t<R>>,
                  "multiprocessing: bytes can be received into items that hold no pointers only");
    return recv_into(
        std::as_writable_bytes(std::span{std::ranges::data(buffer), std::ranges::size(buffer)}),
        offset);
  }

  // ---- values of Python, in the form that its `send` and `recv` have

  /// Sends a value that a Python program at the other end gets by `recv()`. `Object::of`, in
  /// `<multiprocessing/pickle.hpp>`, makes one of types of C++. Errors as of `send_bytes`.
  void send_pickled(const Object& value) const;

  /// Waits for a message of Python's `send(…)` and gives the value in it. Executes nothing and
  /// imports nothing, so that the sender need not be trusted. Throws what `recv_bytes` throws, and
  /// `SerializationError` where the message is no pickle or beyond `options`; that message is gone
  /// then, and the next can be received.
  Object recv_pickled(PickleOptions options = {}) const;

  /// The same, but throws `TimeoutError` when the whole message has not come in time.
  Object recv_pickled(Timeout timeout, PickleOptions options = {}) const;

  // ---- state

  /// Whether something can be read now, or end-of-file.
  [[nodiscard]] bool poll() const;
  /// Whether it can within `timeout`.
  [[nodiscard]] bool poll(Timeout timeout) const;

  /// The descriptor, for poll(2) and its kin; readable when a message has begun to come. From then
  /// on a Pipe goes by its socket, in both directions of this end.
  [[nodiscard]] int fileno() const;

  /// Closes the end for all its copies in this process; repeatable. A call that waits on another
  /// thread goes on until the other side sends or closes.
  void close() const noexcept;
  [[nodiscard]] bool closed() const noexcept;

  [[nodiscard]] bool readable() const noexcept;
  [[nodiscard]] bool writable() const noexcept;

  friend bool operator==(const Connection& a, const Connection& b) noexcept {
    return a.core_ == b.core_;
  }

  /// Into an argument of a Process or a message of a connection.
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    Wire wire{};
    if constexpr (Archive::is_saving::value) {
      if (detail::is_handed_over()) {
        *this = Connection{};
      } else {
        wire = save();
      }
    }
    archive& wire.place& wire.flags& wire.max_message_size;
    if ((wire.flags & has_shared) != 0) archive& wire.shared;
    if constexpr (!Archive::is_saving::value) *this = load(wire);
  }

 private:
  friend class detail::ConnectionAccess;
  friend struct std::hash<Connection>;

  static constexpr std::uint8_t has_shared = 1;
  struct Wire {
    std::uint32_t place = 0;  // among the descriptors that go along
    std::uint8_t flags = 0;
    std::uint64_t max_message_size = 0;
    detail::Handle shared;
  };

  explicit Connection(std::shared_ptr<detail::ConnectionCore> core) noexcept;

  [[nodiscard]] Wire save() const;
  [[nodiscard]] static Connection load(const Wire& wire);

  template <class R>
  static std::string_view bytes_of(const R& items) {
    static_assert(detail::Flat<std::ranges::range_value_t<R>>,
                  "multiprocessing: send_bytes takes items that hold no pointers. Use send.");
    return {reinterpret_cast<const char*>(std::ranges::data(items)),
            std::ranges::size(items) * sizeof(std::ranges::range_value_t<R>)};
  }
  [[nodiscard]] std::size_t recv_into(std::span<std::byte> buffer, std::ptrdiff_t offset) const;

  using WriteValue = void (*)(detail::Writer& writer, const void* value);
  using ReadValue = void (*)(detail::Reader& reader, void* into);
  enum class InTime { must, may };
  void send_value(const detail::MessageType& type, WriteValue write, const void* value) const;
  void send_contiguous(const detail::MessageType& type, std::uint64_t count,
                       std::string_view elements) const;
  bool recv_value(const detail::MessageType& type, Timeout timeout, InTime in_time, ReadValue read,
                  void* into) const;
  template <class T>
  std::optional<T> recv_in(Timeout timeout, InTime in_time) const;

  std::shared_ptr<detail::ConnectionCore> core_;
};

template <class T>
void Connection::send(const T& value) const {
  constexpr const detail::MessageType& type = detail::message_type<detail::arrival_t<T>>;
  if constexpr (detail::goes_in_pieces<T>()) {  // without a copy in between
    send_contiguous(type, value.size(),
                    {reinterpret_cast<const char*>(value.data()),
                     value.size() * sizeof(typename T::value_type)});
  } else {
    send_value(
        type,
        [](detail::Writer& writer, const void* sent) {
          detail::write(writer, *static_cast<const T*>(sent));
        },
        &value);
  }
}

template <class T>
std::optional<T> Connection::recv_in(Timeout timeout, InTime in_time) const {
  std::optional<T> received;
  recv_value(
      detail::message_type<T>, timeout, in_time,
      [](detail::Reader& reader, void* into) {
        static_cast<std::optional<T>*>(into)->emplace(detail::read<T>(reader));
      },
      &received);
  return received;
}

template <class T>
T Connection::recv() const {
  return recv<T>(Timeout::infinite);
}

template <class T>
T Connection::recv(Timeout timeout) const {
  detail::check_sendable<T>();
  return *recv_in<T>(timeout, InTime::must);
}

template <class T>
std::optional<T> Connection::try_recv(Timeout timeout) const {
  return recv_in<T>(timeout, InTime::may);
}

/// What `Connection::messages` gives: a range that is walked once.
template <class T>
class Messages {
 public:
  using value_type = T;

  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit iterator(const Messages& messages) : messages_(&messages) { ++*this; }
    T& operator*() const { return *value_; }
    iterator& operator++() {
      value_ = messages_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& at, std::default_sentinel_t) { return !at.value_; }

   private:
    const Messages* messages_;
    mutable std::optional<T> value_;
  };

  /// Waits for the first message.
  [[nodiscard]] iterator begin() const { return iterator{*this}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  friend class Connection;
  using Receive = T (*)(const Connection& connection);

  Messages(Connection connection, Receive receive)
      : connection_(std::move(connection)), receive_(receive) {}

  [[nodiscard]] std::optional<T> next() const {
    try {
      return receive_(connection_);
    } catch (const EOFError&) {
      return std::nullopt;
    } catch (const ConnectionError&) {
      return std::nullopt;
    }
  }

  Connection connection_;
  Receive receive_;
};

template <class T>
Messages<T> Connection::messages() const {
  return {*this, [](const Connection& connection) { return connection.recv<T>(); }};
}

inline Messages<Bytes> Connection::bytes_messages() const {
  return {*this, [](const Connection& connection) { return connection.recv_bytes(); }};
}

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Connection> {
  std::size_t operator()(const multiprocessing::Connection& connection) const noexcept {
    return std::hash<const void*>{}(connection.core_.get());
  }
};
