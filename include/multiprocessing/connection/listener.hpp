// Listener and Client: connections between processes that are no relatives.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/connection/address.hpp"
#include "multiprocessing/connection/connection.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

namespace detail {
class ListenerCore;
}

struct ListenerOptions {
  /// Both sides prove that they know it, before `accept` returns. An empty key is one, too.
  std::optional<Bytes> authkey = {};

  /// How many clients the kernel keeps waiting for `accept`.
  int backlog = 128;

  /// How long a client may take to prove that it knows the key.
  Timeout handshake_timeout = std::chrono::seconds{20};

  /// How many clients may be busy proving it at once; the one that has taken longest makes room.
  std::size_t max_handshakes = 128;

  /// Refuses proofs by MD5, which are all that Python 3.11 and older can give.
  bool require_sha256 = false;

  /// Of the connections accepted.
  std::size_t max_message_size = (std::numeric_limits<std::size_t>::max)();
};

/// Waits for clients at an address, after Python's `multiprocessing.connection.Listener`. Its other
/// side is `Client`, here or in Python.
///
///     mp::Listener listener{{"localhost", 6000}, {.authkey = mp::Bytes("secret")}};
///     mp::Connection conn = listener.accept();
///
/// Any thread may call it. It belongs to the process that made it: a forked child that has a copy
/// does not remove its file.
class MULTIPROCESSING_API Listener {
 public:
  /// Listens at a fresh AF_UNIX address.
  explicit Listener(ListenerOptions options = {});

  /// Listens at `address`. Throws `OSError` when it is in use or cannot be had; a file that a
  /// killed listener left is in the way.
  explicit Listener(Address address, ListenerOptions options = {});

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();

  /// Waits for a client. With a key, one client's proof does not wait for another's, and a client
  /// that says nothing is dropped in the end; so any number of silent ones do no harm. Throws
  /// `AuthenticationError` for a client that does not know the key, `EOFError` for one that went
  /// away over it, and `OSError` when the listener is closed, also by another thread meanwhile. All
  /// but the last leave the listener as it was.
  Connection accept() const;

  /// The same; throws `TimeoutError` when no client has come, and proved it, in time.
  Connection accept(Timeout timeout) const;

  /// Where it listens, with the port that the system chose. Throws `OSError` once closed.
  [[nodiscard]] Address address() const;

  /// Where the last accepted client was; the empty path for AF_UNIX, none before the first.
  [[nodiscard]] std::optional<Address> last_accepted() const;

  /// Readable when a client may be waiting, for `wait` and poll(2).
  [[nodiscard]] int fileno() const;

  /// Stops listening, and removes its file; repeatable. Accepted connections go on.
  void close() const;

 private:
  std::shared_ptr<detail::ListenerCore> core_;
};

struct ClientOptions {
  /// The listener's key. None: neither side asks for one.
  std::optional<Bytes> authkey = {};

  /// How long connecting and the proof may take.
  Timeout timeout = std::chrono::seconds{20};

  /// Refuses a listener that asks for a proof by MD5: Python 3.11 and older.
  bool require_sha256 = false;

  std::size_t max_message_size = (std::numeric_limits<std::size_t>::max)();
};

/// Connects to a Listener, here or in Python. Tries once. Throws `ConnectionRefusedError` or
/// `FileNotFoundError` when no listener is there, `AuthenticationError` when the keys differ,
/// `EOFError` or `OSError` when the listener goes away, `TimeoutError`.
MULTIPROCESSING_API Connection Client(const Address& address, const ClientOptions& options = {});

/// The two halves of the proof, for protocols of one's own over a connection: asks the other side,
/// and answers it. Throw `AuthenticationError`, `ValueError` for an unknown digest.
MULTIPROCESSING_API void deliver_challenge(const Connection& connection, const Bytes& authkey,
                                           std::string_view digest_name = "sha256");
MULTIPROCESSING_API void answer_challenge(const Connection& connection, const Bytes& authkey);

}  // namespace multiprocessing
