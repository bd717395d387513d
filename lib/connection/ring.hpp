// Ring: the packets of one direction of a pipe, in shared memory, with the socket as its bell.
#pragma once

#include <poll.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "arena/event_count.hpp"
#include "arena/message_handles.hpp"
#include "base/deadline.hpp"
#include "base/stream_pace.hpp"
#include "process/end_fd.hpp"

namespace multiprocessing::detail {

/// How much a ring holds. A packet lies in one piece and takes half of it at most, so that an empty
/// ring has room for one wherever it begins.
inline constexpr std::uint32_t ring_bytes = 128 * 1024;

/// In the arena, all zero at first. Positions count bytes for ever, modulo 2^32.
///
/// The word before a packet says how long it is, or 0: nothing has been put there. A sender
/// writes that 0 behind its packet, then the packet, and commits by its first word; so a reader
/// finds news and message in one cache line. One store of the head takes it. The tail is noted
/// after the commit, for the next sender: where a packet lies at the tail, its sender died in
/// between, and the tail is behind that one.
///
/// What one side writes again and again has no neighbour that the other side reads: processors
/// fetch the line beside the one that is asked for, too.
struct RingBody {
  struct alignas(64) Putting {  // guarded by the turn to write
    std::uint32_t tail;
    std::uint32_t seen_head;
    std::atomic<std::uint32_t> rung;  // the bell that was rung last
  } putting;
  alignas(64) std::uint64_t space;
  struct alignas(64) Seldom {
    std::atomic<std::uint32_t> wanted;       // of senders, see below; a futex, written by readers
    std::atomic<std::uint32_t> room_wanted;  // until the head is there: that position + 1
    std::atomic<std::uint32_t> sealed;       // nothing more is put, what follows goes by the socket
    std::atomic<std::uint32_t> closings;     // of either end, anywhere
    std::atomic<std::uint32_t> by_socket;    // something other than bells has gone there
  } seldom;
  alignas(64) std::uint64_t more_space;
  struct alignas(64) Taking {            // written in the turn to read
    std::atomic<std::uint32_t> head;     // a futex for writers
    std::atomic<std::uint32_t> settled;  // sealed and drained: only the socket counts
    std::atomic<int> processor;          // where the last packet was taken
  } taking;
};

/// Between a commit and the look whether a thread waits for it lies the release of a turn. That is
/// a locked instruction, which orders all memory on x86; on other processors a fence does.
inline void order_after_turn() {
#if defined(__x86_64__) || defined(__i386__)
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

/// What readers want of the sender of the next packet: that it wakes sleepers; that it seals the
/// ring, because a program may poll the descriptor; and that it rings the bell of this number,
/// unless that was rung already.
struct RingWanted {
  static constexpr std::uint32_t wake = 1;
  static constexpr std::uint32_t seal = 2;
  static constexpr std::uint32_t one_bell = 4;
};

/// A ring as one process sees it. The bell is a packet in the socket, so that the descriptor is
/// readable. The socket is in use only while the ring sleeps, rings or asks it something: that
/// costs as much as the rest of a small message.
class Ring {
 public:
  /// `memory` owns the packets' block, once there is one; `socket` is this process's end.
  Ring(RingBody& body, Link& memory, EndFd& socket) noexcept
      : body_(&body), memory_(&memory), socket_(socket) {}

  // ---- in the turn to write

  /// Whether the next message goes by the ring; seals it when a reader wants that or memory is
  /// short.
  [[nodiscard]] bool open();
  void seal();
  /// The same for a sender that can ring: no bell comes after the seal, behind what goes by the
  /// socket.
  void tell_and_seal();
  [[nodiscard]] bool sealed() const { return body_->seldom.sealed.load() != 0; }

  /// To be noted before the first message goes by the socket; then it may be one that is unread
  /// there, and without it only a bell.
  void note_socket() {
    if (!used_socket()) body_->seldom.by_socket.store(1);
  }
  [[nodiscard]] bool used_socket() const { return body_->seldom.by_socket.load() != 0; }

  /// Puts the pieces as one packet if there is room.
  [[nodiscard]] bool try_put(std::span<const iovec> pieces, std::uint32_t size);
  /// Whether a reader wants to be told of a packet that was put before, with all memory in order
  /// since; any time. To tell is for the turn.
  [[nodiscard]] bool is_awaited() const {
    return (body_->seldom.wanted.load() & ~RingWanted::seal) !=
           body_->putting.rung.load(std::memory_order_relaxed);
  }
  /// False when a bell is wanted that the kernel has no memory for: it is to be tried again.
  [[nodiscard]] bool tell();
  [[nodiscard]] bool tell_amid_turn();
  /// Waits for a while, perhaps until a packet of that size has room; false when the reader that
  /// should make it is gone.
  [[nodiscard]] bool wait_for_room(std::uint32_t size);
  /// Whether the last packet was taken on the processor of this thread.
  [[nodiscard]] bool is_read_here() const;
  /// Whether the receiver has taken a packet since the last look at what it has taken.
  [[nodiscard]] bool has_taken();
  /// Whether no process has the other end any more.
  [[nodiscard]] bool is_hung_up() const { return has_event(0); }
  /// Changes whenever an end is closed that others may have.
  [[nodiscard]] std::uint32_t closings() const {
    return body_->seldom.closings.load(std::memory_order_acquire);
  }

  // ---- in the turn to read

  /// The next packet, if there is one; it lies there until it is dropped.
  [[nodiscard]] std::optional<std::span<const unsigned char>> front();
  void drop_front();
  /// After that, with all memory in order: wakes senders that wait for room.
  void tell_of_room();
  /// Takes the bells out of the socket if the ring is empty, and settles it if it is sealed too.
  void silence();
  [[nodiscard]] bool settled() const { return body_->taking.settled.load() != 0; }

  enum class Came { something, end_of_file, nothing };
  /// Waits for a packet or the seal.
  [[nodiscard]] Came wait(const Deadline& deadline);

  // ---- any time

  /// The same as wait, for a thread that has no turn.
  [[nodiscard]] Came watch(const Deadline& deadline);
  [[nodiscard]] bool empty();
  /// The next sender shall seal the ring.
  void ask_for_seal() { body_->seldom.wanted.fetch_or(RingWanted::seal); }
  [[nodiscard]] bool seal_wanted() const {
    return (body_->seldom.wanted.load() & RingWanted::seal) != 0;
  }
  /// Has both sides look whether the other is gone.
  void tell_of_closing();

 private:
  [[nodiscard]] bool has_event(short events) const;  // of poll, or that no process has that end
  [[nodiscard]] bool sends_no_more() const { return has_event(POLLRDHUP); }
  [[nodiscard]] bool has_room(std::uint32_t size);
  void wake_sleepers();
  [[nodiscard]] bool stirs() { return !empty() || sealed(); }
  [[nodiscard]] bool stirs_at_once();
  [[nodiscard]] bool stirs_soon(const Wait& wait, const Deadline& deadline);
  [[nodiscard]] unsigned char* packets();
  [[nodiscard]] std::atomic<std::uint32_t>& header_at(std::uint32_t position);
  struct Place {
    std::uint32_t position;  // of its header
    std::uint32_t size;
    [[nodiscard]] std::uint32_t end() const;
  };
  [[nodiscard]] std::optional<Place> packet_at(std::uint32_t position);
  [[nodiscard]] std::uint32_t tail();
  void sleep(Wait& wait, const Deadline& deadline);
  void let_ahead();

  RingBody* const body_;
  Link* const memory_;
  EndFd& socket_;
  std::atomic<unsigned char*> packets_{nullptr};
  // Guarded by the turn to read.
  std::uint32_t next_head_ = 0;  // behind the front
  bool comes_at_once_ = true;
  bool bell_missed_ = false;  // a message was there, and its bell was not
  unsigned waits_ = 0;
  unsigned taken_ = 0;           // packets since the last wait
  std::uint32_t waited_at_ = 0;  // the head then
  StreamPace pace_;              // after a wait
};

/// Whether a packet from a pipe's socket is a bell, and no message.
[[nodiscard]] bool is_bell(std::span<const unsigned char> packet);

}  // namespace multiprocessing::detail
