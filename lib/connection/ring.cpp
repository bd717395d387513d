#include "connection/ring.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "arena/blocks.hpp"
#include "base/fail_point.hpp"
#include "base/spinning.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

// Before a sleep, as long as there is a processor to spare.
constexpr int looks = 2000;

// A wake may be lost with its sender, so no sleep is longer.
constexpr std::chrono::nanoseconds first_nap = 10ms;
constexpr std::chrono::nanoseconds longest_nap = 100ms;
constexpr std::chrono::nanoseconds first_sleep = 1s;
constexpr std::chrono::nanoseconds longest_sleep = 4s;

/// Before a packet. One of this size stands where the rest of the ring is too short for the next
/// packet, which lies at the beginning then.
struct PacketHeader {
  std::uint64_t size;
  static constexpr std::uint64_t skip = ~std::uint64_t{0};
};

constexpr std::uint32_t room_for(std::uint32_t size) {
  return static_cast<std::uint32_t>(sizeof(PacketHeader)) + (size + 7) / 8 * 8;
}
constexpr std::uint32_t place_of(std::uint32_t position) { return position % ring_bytes; }

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

bool has_event(LateUse& fd, short events) {
  pollfd entry{.fd = fd.get(), .events = events, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;
}

/// The bell that is next in the socket.
std::optional<std::uint32_t> next_bell(LateUse& fd) {
  BellPacket bell;
  const ssize_t size =
      ::recv(fd.if_open(), &bell, sizeof bell, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
  if (size != sizeof bell || bell.mark != BellPacket{}.mark) return std::nullopt;
  return bell.number;
}

}  // namespace

bool is_bell(std::span<const unsigned char> packet) {
  constexpr BellPacket bell;
  return packet.size() == sizeof bell && std::ranges::equal(bell.mark, packet.first(4));
}

bool sends_no_more(LateUse& fd) { return has_event(fd, POLLRDHUP); }
bool is_hung_up(LateUse& fd) { return has_event(fd, 0); }

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
    seal();
    return false;
  }
  if (packets() != nullptr) return true;
  try {
    Block block{ring_bytes};
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
  if ((body_->seldom.wanted.fetch_and(~RingWanted::wake) & RingWanted::wake) != 0)
    futex_wake_all(body_->tail);
}

bool Ring::has_room(std::uint32_t size) {
  const std::uint32_t tail = body_->tail.load(std::memory_order_relaxed);
  const std::uint32_t room = room_for(size);
  const std::uint32_t after = tail + skipped_at(tail, room) + room;
  if (after - body_->putting.seen_head <= ring_bytes) return true;
  body_->putting.seen_head = body_->head.load(std::memory_order_acquire);
  return after - body_->putting.seen_head <= ring_bytes;
}

bool Ring::try_put(LateUse& fd, std::span<const iovec> pieces, std::uint32_t size) {
  if (!has_room(size)) return false;
  const std::uint32_t tail = body_->tail.load(std::memory_order_relaxed);
  const std::uint32_t room = room_for(size);
  const std::uint32_t skipped = skipped_at(tail, room);
  unsigned char* const memory = packets();
  if (skipped != 0) std::memcpy(memory + place_of(tail), &PacketHeader::skip, sizeof(PacketHeader));
  unsigned char* place = memory + place_of(tail + skipped);
  const PacketHeader header{size};
  std::memcpy(place, &header, sizeof header);
  place += sizeof header;
  for (const iovec& piece : pieces) {
    std::memcpy(place, piece.iov_base, piece.iov_len);
    place += piece.iov_len;
  }
  fail_point("connection.ring.filled");
  body_->tail.store(tail + skipped + room);  // the commit
  fail_point("connection.ring.put");
  tell(fd);
  return true;
}

// First the tail, then the look: who wants to be told does it the other way round.
void Ring::tell(LateUse& fd) {
  const std::uint32_t rung = body_->putting.rung.load(std::memory_order_relaxed);
  const std::uint32_t wanted = body_->seldom.wanted.load();
  if (wanted == rung) return;
  const std::uint32_t bell = wanted & ~(RingWanted::wake | RingWanted::seal);
  if (bell != rung) {
    // Rung first and noted then: two bells do no harm.
    const BellPacket packet{.number = bell};
    const bool done =
        ::send(fd.if_open(), &packet, sizeof packet, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
    fail_point("connection.ring.rung");
    if (done || errno == EAGAIN) body_->putting.rung.store(bell, std::memory_order_relaxed);
  }
  if ((wanted & RingWanted::wake) == 0) return;
  body_->seldom.wanted.fetch_and(~RingWanted::wake);
  fail_point("connection.ring.cleared");
  futex_wake_all(body_->tail);
}

bool Ring::wait_for_room(LateUse& fd, std::uint32_t size) {
  if (spin(looks, [&] { return has_room(size); })) return true;
  if (is_hung_up(fd)) return false;
  body_->seldom.room_wanted.store(1);
  fail_point("connection.ring.before_nap");
  const std::uint32_t head = body_->head.load();
  if (!has_room(size)) (void)futex_wait(body_->head, head, Deadline::never().at_most(longest_nap));
  return true;
}

// ---- taking

std::optional<std::span<const unsigned char>> Ring::front() {
  const std::uint32_t head = body_->head.load(std::memory_order_relaxed);
  if (head == body_->taking.seen_tail) {
    body_->taking.seen_tail = body_->tail.load(std::memory_order_acquire);
    if (head == body_->taking.seen_tail) return std::nullopt;
  }
  const unsigned char* const memory = packets();
  std::uint32_t at = head;
  PacketHeader header{};
  std::memcpy(&header, memory + place_of(at), sizeof header);
  if (header.size == PacketHeader::skip) {
    at += ring_bytes - place_of(at);
    std::memcpy(&header, memory + place_of(at), sizeof header);
  }
  next_head_ = at + room_for(static_cast<std::uint32_t>(header.size));
  return std::span{memory + place_of(at) + sizeof header, static_cast<std::size_t>(header.size)};
}

void Ring::drop_front() {
  fail_point("connection.ring.copied");
  body_->head.store(next_head_);  // the commit
  fail_point("connection.ring.dropped");
  if (body_->seldom.room_wanted.load() == 0) return;
  // As long as there is little room, who wants it would sleep again at once.
  if (body_->tail.load(std::memory_order_relaxed) - next_head_ > ring_bytes / 2) return;
  body_->seldom.room_wanted.store(0);
  futex_wake_all(body_->head);
}

// The next bell is wanted first: who puts a packet that is not seen here then rings it, and it is
// not among those that are taken.
void Ring::silence(LateUse& fd) {
  const bool is_sealed = sealed();  // before the look whether something is left
  if (!empty()) return;
  const std::uint32_t wanted =
      body_->seldom.wanted.fetch_add(RingWanted::one_bell) + RingWanted::one_bell;
  fail_point("connection.ring.silenced");
  if (!empty()) return;
  const std::uint32_t bell = wanted & ~(RingWanted::wake | RingWanted::seal);
  for (auto next = next_bell(fd); next && *next != bell; next = next_bell(fd)) {
    BellPacket taken;
    (void)::recv(fd.if_open(), &taken, sizeof taken, MSG_DONTWAIT);
  }
  if (is_sealed) body_->taking.settled.store(1);
}

void Ring::nap(std::chrono::nanoseconds length, const Deadline& deadline) {
  const std::uint32_t tail = body_->tail.load();
  body_->seldom.wanted.fetch_or(RingWanted::wake);
  fail_point("connection.ring.before_nap");
  if (!stirs()) (void)futex_wait(body_->tail, tail, deadline.at_most(length));
}

bool Ring::stirs_soon(const Deadline& deadline) const {
  return spin(deadline.passed() ? 1 : looks, [this] { return stirs(); });
}

// After a short sleep that is ended quickly, one that the system ends when nobody has the other end
// any more, however that came.
Ring::Came Ring::wait(LateUse& fd, const Deadline& deadline) {
  if (stirs_soon(deadline)) return Came::something;
  for (auto length = first_nap;; length = std::clamp(2 * length, first_sleep, longest_sleep)) {
    if (sends_no_more(fd)) return stirs() ? Came::something : Came::end_of_file;
    if (deadline.passed()) return Came::nothing;
    if (length == first_nap) {
      nap(first_nap, deadline);
    } else {
      silence(fd);
      if (!stirs()) (void)wait_readable(fd.get(), deadline.at_most(length));
    }
    if (stirs()) return Came::something;
  }
}

Ring::Came Ring::watch(LateUse& fd, const Deadline& deadline) {
  if (stirs_soon(deadline)) return Came::something;
  for (auto length = first_nap;; length = std::min(2 * length, longest_nap)) {
    if (sends_no_more(fd)) return stirs() ? Came::something : Came::end_of_file;
    if (deadline.passed()) return Came::nothing;
    nap(length, deadline);
    if (stirs()) return Came::something;
  }
}

void Ring::tell_of_closing() {
  body_->seldom.closings.fetch_add(1);
  if ((body_->seldom.wanted.fetch_and(~RingWanted::wake) & RingWanted::wake) != 0)
    futex_wake_all(body_->tail);
  if (body_->seldom.room_wanted.exchange(0) != 0) futex_wake_all(body_->head);
}

}  // namespace multiprocessing::detail
