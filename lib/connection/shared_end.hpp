// SharedEnd: what the processes that have one end of a connection share about it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "arena/event_count.hpp"
#include "arena/family.hpp"
#include "arena/message_handles.hpp"
#include "arena/owner_lock.hpp"
#include "base/deadline.hpp"
#include "connection/ring.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "process/envelope.hpp"

namespace multiprocessing::detail {

/// How many messages with shared objects in them, or large ones, may be under way in one direction
/// of a pipe.
inline constexpr std::size_t parcels_per_direction = 16;

/// One direction of one end, in the arena. All zero is new.
///
/// `amid` names the process that has begun a message and not come to its end: written by the holder
/// of the lock, before the first byte and after the last. A process that finds a dead one there
/// knows that the stream has lost its place, and makes that known by `broken`, which is for ever.
struct alignas(64) Direction {
  OwnerLock lock;
  std::atomic<std::uint32_t> broken;
  std::atomic<std::uint64_t> amid;
};

/// One end, or both of a pipe. The links hold parcels: objects that hold what the handles in one
/// message refer to, and the message itself if it is a large one. A link is filled by the sender,
/// in its turn, and emptied by the taker, which has got the message out of the stream and named
/// itself in `takers`; a taker's death empties it too. One that died before it could name itself is
/// found out by the next taker, because messages come in order.
struct EndBody {
  Direction reading;
  Direction writing;
  EventCount free_links;  // senders sleep here that want one for a parcel
  std::atomic<std::uint64_t> takers[parcels_per_direction];  // of what this end sends
  std::atomic<std::uint64_t> orders[parcels_per_direction];  // in which it was sent
  std::atomic<std::uint64_t> sizes[parcels_per_direction];   // of the messages inside
  std::atomic<std::uint64_t> last_order;                     // written in the sender's turn
};
struct PipeBody {
  EndBody ends[2];
  RingBody rings[2];  // of what the end sends
};

/// This process's part of it.
class SharedEnd {
 public:
  /// For an end with a stranger on its other side.
  SharedEnd();

  /// The two ends of a pipe. Throws OSError when memory is short.
  static std::pair<SharedEnd, SharedEnd> make_pipe();

  /// As it was sent.
  SharedEnd(Handle body, unsigned side, bool is_pipe);

  [[nodiscard]] Direction& reading() const { return mine().reading; }
  [[nodiscard]] Direction& writing() const { return mine().writing; }
  [[nodiscard]] const Handle& handle() const { return body_; }
  [[nodiscard]] unsigned side() const { return side_; }
  [[nodiscard]] bool is_pipe() const { return pipe_ != nullptr; }

  /// The rings of a pipe with this socket: of what this end sends, and of what comes to it.
  [[nodiscard]] std::unique_ptr<Ring> ring_out(EndFd& socket) const;
  [[nodiscard]] std::unique_ptr<Ring> ring_in(EndFd& socket) const;

  /// Whether the reader of the other end has lost its place.
  [[nodiscard]] bool receiver_broke() const { return other().reading.broken.load() != 0; }
  /// The other end's direction that comes to this one; its lock names the sender.
  [[nodiscard]] Direction& other_writing() const { return other().writing; }

  /// Whether a sender to this end died amid a message, whichever process found that out.
  [[nodiscard]] bool sender_died() const;

  // ---- parcels; of pipes only

  struct Posted {
    std::uint8_t number;  // from 1 on
    std::byte* body;
  };
  /// Puts the handles in the envelope, if there is one, into a parcel that is held by a link of
  /// ours and has room for a message of so many bytes; nothing when all links are taken. In the
  /// sender's turn.
  [[nodiscard]] std::optional<Posted> try_post(const Envelope* envelope, std::size_t bytes) const;
  /// What lies in parcels that were not taken out yet.
  [[nodiscard]] std::size_t bytes_posted() const;
  /// Waits, not for long, until a link may be free; the key is of before the last try_post.
  [[nodiscard]] std::uint32_t free_links_key() const { return mine().free_links.key(); }
  void wait_for_free_link(Wait& wait, std::uint32_t key) const;
  /// Takes back what was posted for a message that could not be sent.
  void unpost(std::uint8_t number) const;

  /// In the receiver's turn: the parcel is this process's business now.
  void claim_parcel(std::uint8_t number) const;
  /// What the other side posted.
  [[nodiscard]] Handle parcel(std::uint8_t number) const;
  void empty_parcel(std::uint8_t number) const;

 private:
  [[nodiscard]] PipeBody& body() const { return pipe_ != nullptr ? *pipe_ : *body_.as<PipeBody>(); }
  [[nodiscard]] EndBody& mine() const { return body().ends[side_]; }
  [[nodiscard]] EndBody& other() const { return body().ends[1 - side_]; }
  [[nodiscard]] Link& link(unsigned side, std::uint8_t number) const;
  [[nodiscard]] std::unique_ptr<Ring> ring(unsigned side, EndFd& socket) const;

  Handle body_;
  PipeBody* pipe_ = nullptr;  // the same, of a pipe
  unsigned side_ = 0;
};

/// A parcel that was claimed; given back whatever becomes of the message.
class OpenParcel {
 public:
  /// With 0: none.
  OpenParcel(const SharedEnd& shared, std::uint8_t number)
      : shared_(shared), number_(number), parcel_(number == 0 ? Handle{} : open(shared, number)) {}
  ~OpenParcel() {
    if (number_ != 0) shared_.empty_parcel(number_);
  }
  OpenParcel(const OpenParcel&) = delete;

  [[nodiscard]] std::span<const Link> links() const {
    return parcel_ ? std::span<const Link>{links_of(parcel_)} : std::span<const Link>{};
  }
  [[nodiscard]] const char* body() const { return parcel_.as<const char>(); }

 private:
  /// This process may not be allowed to map it.
  static Handle open(const SharedEnd& shared, std::uint8_t number) {
    try {
      Handle parcel = shared.parcel(number);
      if (!parcel) throw SerializationError("a large message came without its memory");
      return parcel;
    } catch (...) {
      shared.empty_parcel(number);
      throw;
    }
  }

  const SharedEnd& shared_;
  const std::uint8_t number_;
  const Handle parcel_;
};

/// The right to read or write messages, for one thread of one process.
class Turn {
 public:
  /// Waits for it; taken() says whether it came in time. Its holder may have died amid a message:
  /// see broken(). Of a wait of the program's, `Interruptible`: throws Interrupted.
  Turn(Direction& direction, const Deadline& deadline);
  enum Interruptible { interruptibly };
  Turn(Direction& direction, const Deadline& deadline, Interruptible);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  [[nodiscard]] bool taken() const { return taken_; }

  /// The stream has lost its place, for all that have this end.
  [[nodiscard]] bool broken() const;
  void break_stream();

  /// Whether this process has begun a message before; another process that has is an OSError.
  [[nodiscard]] bool is_amid() const;

  void begin_message();
  void end_message();

 private:
  Turn(Direction& direction, bool taken);

  Direction& direction_;
  const bool taken_;
};

}  // namespace multiprocessing::detail
