// QueueCore: what all kinds of queue are, without their types: bytes in, bytes out.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/detail/message_type.hpp"
#include "multiprocessing/detail/shape.hpp"

namespace multiprocessing::detail {

/// Which side of a queue a view stands for.
enum class QueueEnd : std::uint32_t { writer, reader };

enum class QueueKind : std::uint32_t { simple, plain, joinable };

/// What a queue was made as; never changes.
struct QueueShape {
  std::uint32_t fingerprint;  // of its messages' type
  std::uint32_t flat_size;    // of each message where they are copied as they are, else 0
  QueueKind kind;
  std::uint32_t max_items;  // 0: no bound
  std::uint64_t max_bytes;  // 0: no bound
};

inline constexpr std::size_t queue_bytes = 704;
inline constexpr std::size_t queue_links = 49;

/// Makes a queue in zeroed memory.
MULTIPROCESSING_API void construct_queue(void* body, const QueueShape& shape);

/// Writes the value at `value`.
using MessageEncoder = void (*)(Writer& writer, const void* value);
/// Reads a value into the place at `into`.
using MessageDecoder = void (*)(Reader& reader, void* into);

/// A stretch of bytes.
struct Piece {
  const void* data = nullptr;
  std::size_t size = 0;
};

/// How long a get waits, and whether it gives up when no writer view is left.
struct GetWait {
  Timeout timeout;
  bool while_written = false;
};

class MULTIPROCESSING_API QueueCore {
 public:
  /// Made at first use.
  explicit QueueCore(const ObjectMaker& maker) noexcept : handle_(maker) {}
  /// Made now. Throws OSError when memory is short.
  explicit QueueCore(const QueueShape& shape);

  // Puts. False: full until the timeout. They throw ValueError once this process closed the queue,
  // ShutDown, and OSError when memory is short.

  [[nodiscard]] bool put_flat(const void* value, Timeout timeout) const;
  /// As many of the values that lie one behind the other as have room at once; at least one, or 0
  /// at the timeout.
  [[nodiscard]] std::size_t put_flats(const void* values, std::size_t count, Timeout timeout) const;
  /// One message made of two pieces.
  [[nodiscard]] bool put_pieces(Piece first, Piece second, Timeout timeout) const;
  /// What `encode` throws comes out of it, and nothing is put.
  [[nodiscard]] bool put_encoded(MessageEncoder encode, const void* value, Timeout timeout) const;

  // Gets. False: empty until the timeout. They throw as puts do, and EOFError when told to.

  [[nodiscard]] bool get_flat(void* into, const GetWait& wait) const;
  /// At most `most`, those that are there; at least one, or 0 at the timeout.
  [[nodiscard]] std::size_t get_flats(void* into, std::size_t most, const GetWait& wait) const;
  /// What `decode` throws comes out of it; the message is gone then.
  [[nodiscard]] bool get_encoded(MessageDecoder decode, void* into, const GetWait& wait) const;

  [[nodiscard]] std::size_t qsize() const;
  /// Throws OSError when this process closed the queue, if it was ever used.
  [[nodiscard]] bool empty() const;
  [[nodiscard]] bool full() const;

  void close() const;
  [[nodiscard]] bool closed() const;
  void join_thread() const;
  void shutdown(bool immediate) const;
  [[nodiscard]] bool is_shut_down() const;
  [[nodiscard]] int fileno() const;

  void task_done() const;
  [[nodiscard]] bool join(Timeout timeout) const;

  /// What each view of that side holds; the first call makes it.
  [[nodiscard]] Handle token_of(QueueEnd end) const;

  /// For a queue that was received; throws SerializationError when it is one of other messages.
  void check_arrived(QueueKind expected, const MessageType& messages) const;

  friend bool operator==(const QueueCore&, const QueueCore&) = default;
  [[nodiscard]] const Handle& handle() const { return handle_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    handle_.serialize(archive, version);
  }

 private:
  Handle handle_;
};

template <class T>
inline constexpr bool goes_flat = Flat<T> && alignof(T) <= alignof(std::max_align_t);

template <class T>
[[nodiscard]] QueueShape queue_shape(QueueKind kind, std::size_t max_items = 0,
                                     std::size_t max_bytes = 0) {
  static_cast<void>(&message_type<T>);  // an error elsewhere can name it
  // A bound that no queue reaches is none.
  const bool bounded = max_items <= 0x7fffffff;
  return {fingerprint<T>(), goes_flat<T> ? static_cast<std::uint32_t>(sizeof(T)) : 0, kind,
          bounded ? static_cast<std::uint32_t>(max_items) : 0, max_bytes};
}

template <class T, QueueKind kind>
inline constexpr ObjectMaker queue_maker{
    queue_bytes, [](void* body) { construct_queue(body, queue_shape<T>(kind)); }, queue_links};

template <class T>
[[nodiscard]] bool put_value(const QueueCore& queue, const T& value, Timeout timeout) {
  check_sendable<T>();
  if constexpr (goes_flat<T>) {
    return queue.put_flat(&value, timeout);
  } else if constexpr (goes_in_pieces<T>()) {
    const std::uint64_t count = value.size();
    return queue.put_pieces({&count, sizeof count},
                            {value.data(), value.size() * sizeof(typename T::value_type)}, timeout);
  } else {
    return queue.put_encoded(
        [](Writer& writer, const void* at) { write<T>(writer, *static_cast<const T*>(at)); },
        &value, timeout);
  }
}

/// A value as it lies in a message, before it is one.
template <class T>
struct FlatRoom {
  alignas(T) std::byte bytes[sizeof(T)];

  [[nodiscard]] T& value() { return *std::launder(reinterpret_cast<T*>(bytes)); }
};

template <class T>
[[nodiscard]] std::optional<T> get_value(const QueueCore& queue, const GetWait& wait) {
  std::optional<T> value;
  if constexpr (goes_flat<T>) {
    FlatRoom<T> room;
    if (queue.get_flat(room.bytes, wait)) value.emplace(std::move(room.value()));
  } else {
    static_cast<void>(queue.get_encoded(
        [](Reader& reader, void* into) {
          static_cast<std::optional<T>*>(into)->emplace(read<T>(reader));
        },
        &value, wait));
  }
  return value;
}

[[noreturn]] MULTIPROCESSING_API void throw_full();
[[noreturn]] MULTIPROCESSING_API void throw_empty();

/// Filled where the caller wants it, for it may be large: compilers see to that in functions that
/// return nothing else.
template <class T>
[[nodiscard]] T get_flat_in_time(const QueueCore& queue, const GetWait& wait) {
  T value;
  if (!queue.get_flat(&value, wait)) throw_empty();
  return value;
}

/// The next message; throws Empty at the timeout.
template <class T>
[[nodiscard]] T get_value_in_time(const QueueCore& queue, const GetWait& wait) {
  if constexpr (goes_flat<T> && std::is_trivially_default_constructible_v<T>) {
    return get_flat_in_time<T>(queue, wait);
  } else {
    std::optional<T> value = get_value<T>(queue, wait);
    if (!value) throw_empty();
    return std::move(*value);
  }
}

/// Waits for one, then takes what is there, `most` at most; none at the timeout.
template <class T>
[[nodiscard]] std::vector<T> get_values(const QueueCore& queue, std::size_t most,
                                        const GetWait& wait) {
  constexpr std::size_t at_once = goes_flat<T> ? 1 + 4096 / sizeof(T) : 1;
  std::vector<T> values;
  GetWait now = wait;
  while (values.size() < most) {
    const std::size_t wanted = (std::min)(most - values.size(), at_once);
    std::size_t got = 0;
    try {
      if constexpr (goes_flat<T>) {
        const auto rooms = std::make_unique_for_overwrite<FlatRoom<T>[]>(wanted);
        got = queue.get_flats(rooms.get(), wanted, now);
        for (std::size_t i = 0; i < got; ++i) values.push_back(std::move(rooms[i].value()));
      } else if (std::optional<T> value = get_value<T>(queue, now)) {
        values.push_back(std::move(*value));
        got = 1;
      }
    } catch (const ShutDown&) {
      if (values.empty()) throw;
    } catch (const EOFError&) {
      if (values.empty()) throw;
    }
    if (got < wanted) break;
    now.timeout = std::chrono::nanoseconds{0};
  }
  return values;
}

}  // namespace multiprocessing::detail
