#include "connection/core.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "base/retrying.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

int number_of(const std::shared_ptr<EndFd>& end) { return EndFd::Use{*end}.get(); }

constexpr unsigned sends_per_check = 32;

/// Larger messages lie in parcels, in one piece, and the packet names the parcel.
constexpr std::size_t largest_in_packet = std::size_t{32} << 10;

/// So many bytes of them may be under way.
constexpr std::size_t window_of_one_processor = std::size_t{1} << 20;
constexpr std::size_t window_of_two_processors = std::size_t{4} << 20;

bool has_ends(const Envelope* envelope) { return envelope != nullptr && !envelope->ends().empty(); }

std::size_t size_of(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

/// Returns how many bytes they were.
std::size_t copy_pieces(std::span<const iovec> pieces, std::byte* into) {
  const std::byte* const begin = into;
  for (const iovec& piece : pieces) {
    std::memcpy(into, piece.iov_base, piece.iov_len);
    into += piece.iov_len;
  }
  return static_cast<std::size_t>(into - begin);
}

void advance(std::span<iovec>& pieces, std::size_t written) {
  while (!pieces.empty() && written >= pieces.front().iov_len) {
    written -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (pieces.empty()) return;
  pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + written;
  pieces.front().iov_len -= written;
}

}  // namespace

ConnectionCore& ConnectionAccess::core(const Connection& connection) {
  if (connection.core_ == nullptr) throw_closed();
  return *connection.core_;
}

ConnectionCore::ConnectionCore(std::shared_ptr<EndFd> end, const ConnectionOptions& options,
                               SharedEnd shared)
    : end_(std::move(end)),
      options_(options),
      shared_(std::move(shared)),
      is_socket_(is_socket(number_of(end_))),
      is_unix_(is_unix_socket(number_of(end_))),
      is_packets_(is_packet_socket(number_of(end_))),
      in_(shared_.ring_in(*end_)),
      out_(shared_.ring_out(*end_)),
      readable_(options.readable) {}

ConnectionCore::~ConnectionCore() {
  if (end_.use_count() == 1) close();
}

void ConnectionCore::close() noexcept {
  end_->close();
  if (in_ == nullptr || told_of_closing_.exchange(true)) return;
  in_->tell_of_closing();
  out_->tell_of_closing();
}

void ConnectionCore::check_readable() const {
  if (end_->closed()) throw_closed();
  if (!readable()) throw_os_error(EBADF, "connection is write-only");
}

void ConnectionCore::check_writable() const {
  if (end_->closed()) throw_closed();
  if (!writable()) throw_os_error(EBADF, "connection is read-only");
}

bool ConnectionCore::poll(const Deadline& deadline) {
  check_readable();
  while (Ring* const ring = ring_in()) {
    switch (ring->watch(deadline)) {
      case Ring::Came::end_of_file:
        return true;
      case Ring::Came::nothing:
        return false;
      case Ring::Came::something:
        break;
    }
    if (!ring->empty()) return true;
    // It is sealed, and the holder of the turn takes the bells out of the socket.
    const Turn turn{shared_.reading(), deadline.at_most(turn_of_others)};
    if (turn.taken())
      ring->silence();
    else if (deadline.passed())
      return false;
  }
  const EndFd::Use fd{*end_};
  return await_readable(fd.get_open(), deadline);
}

TypedHead TypedHead::of(std::string_view message) {
  TypedHead head{};
  std::memcpy(&head.fingerprint, message.data(), sizeof head.fingerprint);
  head.parcel = static_cast<std::uint8_t>(message[sizeof head.fingerprint]);
  return head;
}

// ---- sending

void ConnectionCore::send(std::span<const std::string_view> pieces, const Envelope* envelope,
                          std::uint8_t* parcel) {
  check_writable();
  if (has_ends(envelope) && !is_unix_)
    throw SerializationError("ends and descriptors go over a Pipe or AF_UNIX only");
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  const FrameHeader header = make_header(size);
  std::array<iovec, 4> parts{piece_of(header.bytes.data(), header.size)};
  std::size_t count = 1;
  for (const std::string_view piece : pieces)
    if (!piece.empty()) parts[count++] = piece_of(piece.data(), piece.size());

  if (!send_in_turn(std::span{parts}.first(count), envelope, parcel)) return;
  order_after_turn();
  if (out_->is_awaited()) tell_of_sent();
}

/// The message is on its way, so this thread does not wait for the end of another's long one:
/// the sender of that tells, too. So does a sender that seals the ring, and behind the seal no bell
/// may come.
void ConnectionCore::tell_of_sent() {
  // A receiver that is not told in spite of that looks by itself.
  (void)retry_for_a_while([&] {
    while (out_->is_awaited() && !out_->sealed() && !out_->empty()) {
      const Turn turn{shared_.writing(), Deadline{turn_of_others}};
      if (turn.taken()) return out_->sealed() || out_->empty() || out_->tell();
    }
    return true;
  });
}

/// Whether it went by the ring.
bool ConnectionCore::send_in_turn(std::span<iovec> pieces, const Envelope* envelope,
                                  std::uint8_t* parcel) {
  Turn turn{shared_.writing(), Deadline::never(), Turn::interruptibly};
  if (turn.broken()) {
    // The reader of the other end gets end-of-file for the rest of the message that will not come.
    if (is_socket_) (void)::shutdown(EndFd::Use{*end_}.get(), SHUT_WR);
    throw_os_error(EPIPE, "send", "by an end where a process died amid a message");
  }
  fail_point("connection.send.turn");
  const bool by_ring = goes_by_ring(has_ends(envelope));
  if (!by_ring && out_ != nullptr) out_->note_socket();
  const bool has_handles = envelope != nullptr && !envelope->handles().empty();
  const std::size_t size = size_of(pieces);
  const bool at_once = is_packets_ && size <= packet_size;
  const bool in_parcel = by_ring && size > largest_in_packet;
  if (by_ring && at_once && !has_handles && !in_parcel && put_at_once(pieces, size)) return true;
  if (by_ring) check_receiver();
  if (!in_parcel && (has_handles || !at_once)) turn.begin_message();
  SharedEnd::Posted posted{};
  try {
    if (in_parcel || has_handles) posted = post(envelope, in_parcel ? size : 0);
    if (has_handles) *parcel = posted.number;
    ParcelPacket large{.number = posted.number};
    iovec packet = piece_of(&large, sizeof large);
    if (in_parcel) {
      large.size = copy_pieces(pieces.subspan(1), posted.body);  // without the header
      pieces = {&packet, 1};
    }
    fail_point("connection.send.begun");
    if (by_ring)
      put(pieces);
    else
      send_frame(turn, pieces, envelope);
  } catch (...) {
    turn.end_message();
    if (posted.number != 0) shared_.unpost(posted.number);
    throw;
  }
  turn.end_message();
  fail_point("connection.send.sent");
  return by_ring;
}

/// As most messages go: as one packet that has room. Whether a process has the other end is asked
/// when the message is on its way, because asking would hold it up: of a receiver that sleeps,
/// which may be for good, and of one that took none of 32 messages.
bool ConnectionCore::put_at_once(std::span<const iovec> pieces, std::size_t size) {
  fail_point("connection.send.begun");
  const bool slept = out_->is_awaited();
  if (!out_->try_put(pieces, static_cast<std::uint32_t>(size))) return false;
  fail_point("connection.send.sent");
  if (slept || ++unchecked_sends_ >= sends_per_check) check_receiver_of_sent(slept);
  return true;
}

/// Large messages wait for each other: what is under way is to stay in the cache of the processor
/// that both sides use, or is to keep two processors busy.
SharedEnd::Posted ConnectionCore::post(const Envelope* envelope, std::size_t bytes) const {
  const bool here = bytes != 0 && out_->is_read_here();
  const std::size_t window =
      here ? window_of_one_processor : std::max(window_of_two_processors, 2 * bytes);
  for (Wait wait{here ? back_off::room_here : back_off::news, "Connection.send"};;) {
    const std::uint32_t key = shared_.free_links_key();
    const std::size_t under_way = bytes == 0 ? 0 : shared_.bytes_posted();
    // With an empty ring, what is under way has been taken, perhaps by a process that died since.
    if (under_way == 0 || out_->empty() || under_way + bytes <= window)
      if (const auto posted = shared_.try_post(envelope, bytes)) return *posted;
    check_receiver();
    // Others may have put something, and wait for the turn to tell of it. Behind a seal no bell may
    // come.
    if (!out_->sealed()) (void)out_->tell_amid_turn();
    shared_.wait_for_free_link(wait, key);
  }
}

void ConnectionCore::send_frame(Turn& turn, std::span<iovec> pieces, const Envelope* envelope) {
  const EndFd::Use fd{*end_};  // for all of a long message
  const Stream to = stream(fd.get_open());
  std::optional<EndNumbers> numbers;
  if (has_ends(envelope)) numbers.emplace(envelope->ends());
  std::size_t written = write_some(to, pieces, numbers ? numbers->get() : std::span<const int>{});
  advance(pieces, written);
  while (!pieces.empty()) {
    turn.begin_message();
    fail_point("connection.send.half");
    try {
      written = write_some(to, pieces, {});
    } catch (...) {
      break_off(turn);
      throw;
    }
    advance(pieces, written);
  }
}

/// The rest of the message will not come: the reader of the other end is not to wait for it.
void ConnectionCore::break_off(Turn& turn) {
  turn.break_stream();
  if (is_socket_)
    (void)::shutdown(EndFd::Use{*end_}.get(), SHUT_WR);
  else
    close();
}

bool ConnectionCore::goes_by_ring(bool with_fds) {
  if (out_ == nullptr) return false;
  if (with_fds) out_->tell_and_seal();
  if (!out_->open()) return false;
  const std::uint32_t closings = out_->closings();
  if (closings == seen_closings_) return true;
  check_receiver();
  seen_closings_ = closings;
  return true;
}

/// What the system says of a write to a socket, it has to be asked here: after every closing that a
/// process has told of, where room is short, and now and then because some are killed.
void ConnectionCore::check_receiver() const {
  if (out_->is_hung_up() || shared_.receiver_broke()) throw_os_error(EPIPE, "send");
}

/// When the message was taken, the end may well have been closed then.
void ConnectionCore::check_receiver_of_sent(bool slept) {
  unchecked_sends_ = sends_per_check;  // the next send asks, too, unless the receiver is there
  try {
    if (!out_->has_taken() || slept) check_receiver();
  } catch (const BrokenPipeError&) {
    if (out_->empty()) return;
    told_of_reset_ = true;  // hereby
    throw;
  }
  unchecked_sends_ = 0;
}

void ConnectionCore::put(std::span<const iovec> pieces) {
  const auto room = static_cast<std::uint32_t>(size_of(pieces));
  while (!out_->try_put(pieces, room))
    if (shared_.receiver_broke() || !out_->wait_for_room(room)) throw_os_error(EPIPE, "send");
}

// ---- from the ring to the socket

int ConnectionCore::fileno() {
  const EndFd::Use fd{*end_};
  if (end_->closed()) throw_closed();  // while another thread is amid a call
  const int number = fd.get_open();
  if (in_ != nullptr) {
    if (!in_->seal_wanted()) {
      in_->ask_for_seal();
      fail_point("connection.ring.seal_wanted");
    }
    quieten();  // a thread that was amid something at the first time may have left a bell
  }
  if (out_ != nullptr && !out_->sealed()) {
    out_->ask_for_seal();  // of the next sender, should another thread be sending
    const Turn turn{shared_.writing(), Deadline{std::chrono::nanoseconds{0}}};
    if (turn.taken()) out_->tell_and_seal();
  }
  return number;
}

/// After something was asked of the next holder of the turn, and before a look into the ring.
bool ConnectionCore::sender_in_turn() const {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const bool in_turn{shared_.other_writing().lock.holder()};
  std::atomic_thread_fence(std::memory_order_acquire);
  return in_turn;
}

/// Makes the descriptor unreadable when nothing is there. Until the seal no sender may be between
/// its look at what is wanted and its bell: a message would be there unseen, or a bell without one.
void ConnectionCore::quieten() {
  if (in_->settled()) return;
  const Deadline enough{turn_of_others};
  const auto is_quiet = [&] {
    return in_->sealed() || !in_->empty() || !sender_in_turn() || enough.passed();
  };
  while (!spin(back_off::inner_lock, is_quiet))
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  const Turn turn{shared_.reading(), Deadline{std::chrono::nanoseconds{0}}};
  if (turn.taken()) in_->silence();  // otherwise its holder does so afterwards
}

Unrung ConnectionCore::unrung() const {
  Ring* const ring = ring_in();
  if (ring == nullptr) return Unrung::none;
  // Before the look into the ring: a sender that is out of its turn by then has put all that it
  // puts there, and the next one seals.
  const bool may_come = !ring->sealed() && sender_in_turn();
  if (!ring->empty()) return Unrung::message;
  return may_come ? Unrung::may_come : Unrung::none;
}

void ConnectionCore::leave_ring_out() {
  if (out_ == nullptr) return;
  out_->tell_and_seal();
  out_->note_socket();
}

void ConnectionCore::leave_rings() {
  if (in_ == nullptr) return;
  in_->ask_for_seal();
  for (Ring* ring = ring_in(); ring != nullptr && readable(); ring = ring_in()) {
    if (!ring->empty())
      throw SerializationError(
          "messages wait in the end of a pipe, and a process that is no relative would not get "
          "them: receive them before the end is sent there");
    Turn sending{shared_.other_writing(), Deadline{turn_of_others}};
    // Not over what came since the look: behind a seal no bell tells of it any more.
    if (sending.taken() && ring->empty()) ring->seal();
    // Another thread that receives does the same.
    const Turn reading{shared_.reading(), Deadline{turn_of_others}};
    if (reading.taken() && ring->sealed()) ring->silence();
  }
  const Turn turn{shared_.writing(), Deadline::never(), Turn::interruptibly};
  out_->tell_and_seal();
  out_->note_socket();  // the stranger would not
}

void ConnectionCore::await_socket() {
  while (Ring* const ring = ring_in()) {
    if (ring->front()) {
      ring->drop_front();
      throw_bad_length();
    }
    if (ring->sealed())
      ring->silence();
    else if (ring->wait(Deadline::never()) == Ring::Came::end_of_file)
      throw EOFError("the other end of the connection is closed");
  }
}

}  // namespace multiprocessing::detail
