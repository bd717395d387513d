#include "connection/ring.hpp"

#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "arena/blocks.hpp"
#include "arena/event_count.hpp"
#include "base/fail_point.hpp"
#include "base/retrying.hpp"
#include "base/waiting.hpp"
#include "connection/frame.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

constexpr unsigned waits_per_trial = 64;
constexpr Pacing pacing{
    .looks = 1, .few = 128, .many = 512, .first = 32, .longest = 512, .rest = 255};

// On the futex before one on the descriptor, which the system ends when no process has the other
// end.
constexpr std::chrono::nanoseconds short_sleep = 10ms;
// The same while a bell is missing, for the next ones may be missing, too.
constexpr std::chrono::nanoseconds without_bell = 100ms;
// A bell may be lost with its sender, so no sleep is longer.
constexpr std::chrono::nanoseconds longest_sleep = 1s;

/// Before a packet: its size, never 0. This one stands where the rest of the ring is too short for
/// the next packet, which lies at the beginning then.
using Header = std::uint32_t;
constexpr Header nothing = 0;
constexpr Header skip = ~Header{0};

constexpr std::uint32_t step = 8;  // of positions; a header lies in one step

constexpr std::uint32_t room_for(std::uint32_t size) {
  return (std::uint32_t{sizeof(Header)} + size + step - 1) / step * step;
}
constexpr std::uint32_t place_of(std::uint32_t position) { return position % ring_bytes; }

/// Whether a position is that one, or behind it.
constexpr bool is_at(std::uint32_t position, std::uint32_t that) {
  return static_cast<std::int32_t>(position - that) >= 0;
}

/// What has to be skipped in front of a packet that takes `room`.
constexpr std::uint32_t skipped_at(std::uint32_t position, std::uint32_t room) {
  const std::uint32_t rest = ring_bytes - place_of(position);
  return room <= rest ? 0 : rest;
}

/// No frame begins like this: its length would be negative.
struct BellPacket {
  std::array<unsigned char, 4> mark{0x80, 0, 0, 0};
  std::uint32_t number = 0;
};

/// Which bell is wanted.
constexpr std::uint32_t bell_in(std::uint32_t wanted) {
  return wanted & ~(RingWanted::wake | RingWanted::seal);
}

/// The bell that is next in the socket.
std::optional<std::uint32_t> next_bell(int fd) {
  BellPacket bell;
  const ssize_t size = ::recv(fd, &bell, sizeof bell, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
  if (size != sizeof bell || bell.mark != BellPacket{}.mark) return std::nullopt;
  return bell.number;
}

}  // namespace

bool is_bell(std::span<const unsigned char> packet) {
  constexpr BellPacket bell;
  return packet.size() == sizeof bell && std::ranges::equal(bell.mark, packet.first(4));
}

unsigned char* Ring::packets() {
  unsigned char* packets = packets_.load(std::memory_order_relaxed);
  if (packets == nullptr) {
    packets = static_cast<unsigned char*>(data_of(*memory_));
    packets_.store(packets, std::memory_order_relaxed);
  }
  return packets;
}

// ---- putting

bool Ring::open() {
  if (body_->seldom.sealed.load(std::memory_order_relaxed) != 0) return false;
  if (seal_wanted()) {
    tell_and_seal();
    return false;
  }
  if (packets() != nullptr) return true;
  try {
    Block block{ring_bytes};
    std::memset(block.data(), 0, step);
    std::move(block).give_to(*memory_);
  } catch (const OSError&) {  // memory is short, and the socket does it too
    seal();
    return false;
  }
  fail_point("connection.ring.made");
  return true;
}

void Ring::seal() {
  if (sealed()) return;
  body_->seldom.sealed.store(1);
  fail_point("connection.ring.sealed");
  wake_sleepers();
}

void Ring::tell_and_seal() {
  const auto told = [&] { return sealed() || empty() || tell_amid_turn(); };
  (void)retry_for_a_while(told);  // what comes by the socket now tells of them, too
  seal();
}

// ---- the packets

std::atomic<Header>& Ring::header_at(std::uint32_t position) {
  return *reinterpret_cast<std::atomic<Header>*>(packets() + place_of(position));
}

std::uint32_t Ring::Place::end() const { return position + room_for(size); }

std::optional<Ring::Place> Ring::packet_at(std::uint32_t position) {
  Header header = header_at(position).load(std::memory_order_acquire);
  if (header == nothing) return std::nullopt;
  if (header == skip) {
    position += ring_bytes - place_of(position);
    header = header_at(position).load(std::memory_order_relaxed);
  }
  return Place{position, header};
}

// Without a turn, a packet may be taken and its place written anew between the two looks.
bool Ring::empty() {
  if (packets() == nullptr) return true;
  std::uint32_t head = body_->taking.head.load();
  for (;;) {
    const Header header = header_at(head).load();
    const std::uint32_t now = body_->taking.head.load();
    if (now == head) return header == nothing;
    head = now;
  }
}

/// Where the next packet goes.
std::uint32_t Ring::tail() {
  if (const auto unnoted = packet_at(body_->putting.tail)) body_->putting.tail = unnoted->end();
  return body_->putting.tail;
}

bool Ring::has_room(std::uint32_t size) {
  const std::uint32_t from = tail();
  const std::uint32_t room = room_for(size);
  const std::uint32_t after = from + skipped_at(from, room) + room + step;
  if (after - body_->putting.seen_head <= ring_bytes) return true;
  return has_taken() && after - body_->putting.seen_head <= ring_bytes;
}

bool Ring::has_taken() {
  const std::uint32_t head = body_->taking.head.load(std::memory_order_acquire);
  return std::exchange(body_->putting.seen_head, head) != head;
}

bool Ring::try_put(std::span<const iovec> pieces, std::uint32_t size) {
  if (!has_room(size)) return false;
  const std::uint32_t from = body_->putting.tail;
  const std::uint32_t skipped = skipped_at(from, room_for(size));
  const Place packet{from + skipped, size};
  header_at(packet.end()).store(nothing, std::memory_order_relaxed);
  if (skipped != 0) header_at(packet.position).store(size, std::memory_order_relaxed);
  unsigned char* place = packets() + place_of(packet.position) + sizeof(Header);
  for (const iovec& piece : pieces) {
    if (piece.iov_len == FrameHeader::short_size)  // without a call
      std::memcpy(place, piece.iov_base, FrameHeader::short_size);
    else
      std::memcpy(place, piece.iov_base, piece.iov_len);
    place += piece.iov_len;
  }
  fail_point("connection.ring.filled");
  header_at(from).store(skipped != 0 ? skip : size, std::memory_order_release);  // the commit
  // A death may come between any two instructions, so the compiler must not exchange the two: a
  // tail behind a packet that was never committed would lose all that follow.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  fail_point("connection.ring.put");
  body_->putting.tail = packet.end();
  fail_point("connection.ring.noted");
  if (is_awaited()) (void)tell();
  return true;
}

// First the commit, then the look: a side that wants to be told does it the other way round.
bool Ring::tell() {
  const std::uint32_t rung = body_->putting.rung.load(std::memory_order_relaxed);
  const std::uint32_t wanted = body_->seldom.wanted.load();
  if (wanted == rung) return true;
  const std::uint32_t bell = bell_in(wanted);
  bool told = true;
  if (bell != rung) {
    // Rung first and noted then: two bells do no harm.
    const BellPacket packet{.number = bell};
    const EndFd::Use use{socket_};
    const bool sent = ::send(use.get(), &packet, sizeof packet, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
    const int error = sent ? 0 : errno;
    fail_point("connection.ring.rung");
    if (sent || error == EAGAIN) body_->putting.rung.store(bell, std::memory_order_relaxed);
    told = !is_short_of_memory(error);
  }
  if ((wanted & RingWanted::wake) != 0) wake_sleepers();
  return told;
}

void Ring::wake_sleepers() {
  if ((body_->seldom.wanted.fetch_and(~RingWanted::wake) & RingWanted::wake) == 0) return;
  fail_point("connection.ring.cleared");
  (void)wake(body_->seldom.wanted);
}

bool Ring::tell_amid_turn() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return !is_awaited() || tell();
}

bool Ring::has_event(short events) const {
  const EndFd::Use use{socket_};
  pollfd entry{.fd = use.get_open(), .events = events, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;
}

bool Ring::is_read_here() const {
  return body_->taking.processor.load(std::memory_order_relaxed) == sched_getcpu();
}

// Not for the first packet that goes, or the two would meet at every one.
bool Ring::wait_for_room(std::uint32_t size) {
  const std::uint32_t from = tail();
  const std::uint32_t room = room_for(size);
  const std::uint32_t least = from + skipped_at(from, room) + room + step - ring_bytes;
  const std::uint32_t half = from - ring_bytes / 2;
  const std::uint32_t aim = is_at(least, half) ? least : half;
  auto& head = body_->taking.head;
  Wait wait{is_read_here() ? back_off::room_here : back_off::room, "Connection.send"};
  if (wait.spin([&] { return is_at(head.load(std::memory_order_relaxed), aim); })) return true;
  // Others may have put something, and wait for the turn to tell of it.
  (void)tell_amid_turn();
  if (is_hung_up()) return false;
  body_->seldom.room_wanted.store(aim + 1);
  fail_point("connection.ring.before_nap");
  const std::uint32_t seen = head.load();
  if (!has_room(size)) wait.sleep(head, seen, Deadline::never());
  return true;
}

// ---- taking

std::optional<std::span<const unsigned char>> Ring::front() {
  if (packets() == nullptr) return std::nullopt;
  const auto packet = packet_at(body_->taking.head.load(std::memory_order_relaxed));
  if (!packet) return std::nullopt;
  next_head_ = packet->end();
  return std::span{packets() + place_of(packet->position) + sizeof(Header), packet->size};
}

void Ring::drop_front() {
  ++taken_;
  fail_point("connection.ring.copied");
  body_->taking.processor.store(sched_getcpu(), std::memory_order_relaxed);
  body_->taking.head.store(next_head_, std::memory_order_release);  // the commit
  fail_point("connection.ring.dropped");
}

// Also first the commit, then the look.
void Ring::tell_of_room() {
  std::uint32_t wanted = body_->seldom.room_wanted.load();
  do {
    if (wanted == 0 || !is_at(body_->taking.head.load(), wanted - 1)) return;
    // Not one that was stored since: its sender would sleep unseen.
  } while (!body_->seldom.room_wanted.compare_exchange_weak(wanted, 0));
  (void)wake(body_->taking.head);
}

// The next bell is wanted first: the sender of a packet that is not seen here then rings it, and it
// is not among those that are taken.
void Ring::silence() {
  const bool is_sealed = sealed();  // before the look whether something is left
  if (!empty()) return;
  const std::uint32_t wanted =
      body_->seldom.wanted.fetch_add(RingWanted::one_bell) + RingWanted::one_bell;
  fail_point("connection.ring.silenced");
  if (!empty()) return;
  const std::uint32_t bell = bell_in(wanted);
  const EndFd::Use use{socket_};
  for (auto next = next_bell(use.get()); next && *next != bell; next = next_bell(use.get())) {
    BellPacket taken;
    (void)::recv(use.get(), &taken, sizeof taken, MSG_DONTWAIT);
  }
  if (is_sealed) body_->taking.settled.store(1);
}

void Ring::sleep(Wait& wait, const Deadline& deadline) {
  const std::uint32_t wanted = body_->seldom.wanted.fetch_or(RingWanted::wake) | RingWanted::wake;
  fail_point("connection.ring.before_nap");
  if (!stirs()) wait.sleep(body_->seldom.wanted, wanted, deadline);
}

// A message that is on its way from another processor is here sooner than a yield is over; from the
// same processor it comes by a yield only. Which of both it is shows by trying, now and then.
bool Ring::stirs_at_once() {
  if (!comes_at_once_ && waits_ % waits_per_trial != 0) return false;
  return comes_at_once_ = spin(back_off::on_its_way, [this] { return stirs(); });
}

bool Ring::stirs_soon(const Wait& wait, const Deadline& deadline) {
  return deadline.passed() ? stirs() : wait.spin([this] { return stirs(); });
}

void Ring::let_ahead() {
  const std::uint32_t head = body_->taking.head.load(std::memory_order_relaxed);
  const std::uint32_t bytes = head - std::exchange(waited_at_, head);
  pace_.note(pacing, std::exchange(taken_, 0), bytes > ring_bytes / 2);
  pace_.let_ahead();
}

// After a short sleep that is ended quickly, one that the system ends when no process has the other
// end any more, however that came. Where a message came without the bell that was to end it, short
// ones only, until the bell is there: the kernel may have no memory for bells, or their sender
// died.
Ring::Came Ring::wait(const Deadline& deadline) {
  ++waits_;
  Wait wait{back_off::packets, "Connection.recv"};
  if ((!deadline.passed() && stirs_at_once()) || stirs_soon(wait, deadline)) {
    let_ahead();
    return Came::something;
  }
  pace_.stop(pacing);
  const EndFd::Use use{socket_};
  if (bell_missed_) bell_missed_ = !has_event(POLLIN);
  for (bool first = true;; first = false) {
    if (sends_no_more()) return stirs() ? Came::something : Came::end_of_file;
    if (deadline.passed()) return Came::nothing;
    if (first || bell_missed_) {
      sleep(wait, deadline.at_most(first ? short_sleep : without_bell));
    } else {
      silence();
      const bool rung = stirs() || await_readable(use.get_open(), deadline.at_most(longest_sleep));
      bell_missed_ = !rung && stirs();
    }
    if (stirs()) return Came::something;
  }
}

Ring::Came Ring::watch(const Deadline& deadline) {
  Wait wait{back_off::packets, "Connection.recv"};
  if (stirs_soon(wait, deadline)) return Came::something;
  const EndFd::Use use{socket_};
  for (;;) {
    if (sends_no_more()) return stirs() ? Came::something : Came::end_of_file;
    if (deadline.passed()) return Came::nothing;
    sleep(wait, deadline);
    if (stirs()) return Came::something;
  }
}

void Ring::tell_of_closing() {
  body_->seldom.closings.fetch_add(1);
  wake_sleepers();
  if (body_->seldom.room_wanted.exchange(0) != 0) (void)wake(body_->taking.head);
}

}  // namespace multiprocessing::detail
