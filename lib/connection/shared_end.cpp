#include "connection/shared_end.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

// At whether the other end is gone, of which a sender that waits for a link is not told.
constexpr std::chrono::milliseconds look{100};

constexpr std::size_t first_ring_link = 2 * parcels_per_direction;

// Made when the end is first used, sent or forked. The link is for nothing but that what lies
// behind it begins with a cache line.
constexpr ObjectMaker stranger_end{sizeof(EndBody), nullptr, 1};

bool acquire_interruptibly(OwnerLock& lock, const Deadline& deadline) {
  return try_interruptibly(deadline, [&](const Deadline& until) {
    return lock.acquire(until) != OwnerLock::Taken::not_in_time;
  });
}

bool names_a_dead(std::uint64_t word) { return word != 0 && !alive(Member::from(word)); }

}  // namespace

SharedEnd::SharedEnd() : body_(stranger_end) {}

SharedEnd::SharedEnd(Handle body, unsigned side, bool is_pipe)
    : body_(std::move(body)), pipe_(is_pipe ? body_.as<PipeBody>() : nullptr), side_(side) {}

std::pair<SharedEnd, SharedEnd> SharedEnd::make_pipe() {
  Handle body = Handle::make(sizeof(PipeBody), first_ring_link + 2);
  for (RingBody& ring : body.as<PipeBody>()->rings) ring.seldom.wanted.store(RingWanted::one_bell);
  SharedEnd first{body, 0, true};
  return {std::move(first), SharedEnd{std::move(body), 1, true}};
}

std::unique_ptr<Ring> SharedEnd::ring(unsigned side, EndFd& socket) const {
  if (!is_pipe()) return nullptr;
  return std::make_unique<Ring>(pipe_->rings[side], links_of(body_)[first_ring_link + side],
                                socket);
}
std::unique_ptr<Ring> SharedEnd::ring_out(EndFd& socket) const { return ring(side_, socket); }
std::unique_ptr<Ring> SharedEnd::ring_in(EndFd& socket) const { return ring(1 - side_, socket); }

bool SharedEnd::sender_died() const {
  if (!is_pipe()) return false;
  const Direction& sending = other().writing;
  // In this order: a process that finds the dead one notes it there before taking its name from
  // here.
  return names_a_dead(sending.amid.load()) || sending.broken.load() != 0;
}

Link& SharedEnd::link(unsigned side, std::uint8_t number) const {
  if (!is_pipe() || number == 0 || number > parcels_per_direction)
    throw SerializationError("a message of shared objects came without them");
  return links_of(body_)[side * parcels_per_direction + number - 1];
}

std::optional<SharedEnd::Posted> SharedEnd::try_post(const Envelope* envelope,
                                                     std::size_t bytes) const {
  for (std::uint8_t number = 1; number <= parcels_per_direction; ++number) {
    Link& place = link(side_, number);
    std::atomic<std::uint64_t>& taker = mine().takers[number - 1];
    if (place.load() != 0 && names_a_dead(taker.load())) release(place);
    if (place.load() != 0) continue;
    taker.store(0);
    mine().orders[number - 1].store(mine().last_order.fetch_add(1) + 1);
    mine().sizes[number - 1].store(bytes);
    const std::size_t handles = envelope == nullptr ? 0 : envelope->handles().size();
    const Handle parcel = Handle::make_unset(std::max(bytes, sizeof(std::uint64_t)), handles);
    if (handles != 0) envelope->hold_by(links_of(parcel));
    hold(place, parcel);
    return Posted{number, parcel.as<std::byte>()};
  }
  return std::nullopt;
}

std::size_t SharedEnd::bytes_posted() const {
  std::size_t bytes = 0;
  for (std::uint8_t number = 1; number <= parcels_per_direction; ++number)
    if (link(side_, number).load() != 0) bytes += mine().sizes[number - 1].load();
  return bytes;
}

void SharedEnd::wait_for_free_link(Wait& wait, std::uint32_t key) const {
  mine().free_links.wait(wait, key, Deadline{look});
}

void SharedEnd::unpost(std::uint8_t number) const { release(link(side_, number)); }

void SharedEnd::claim_parcel(std::uint8_t number) const {
  (void)link(1 - side_, number);
  EndBody& sender = other();
  sender.takers[number - 1].store(self().packed());
  const std::uint64_t order = sender.orders[number - 1].load();
  // Of a link that is empty, the sender may just write what goes with the next parcel.
  for (std::uint8_t earlier = 1; earlier <= parcels_per_direction; ++earlier)
    if (link(1 - side_, earlier).load() != 0 && sender.takers[earlier - 1].load() == 0 &&
        sender.orders[earlier - 1].load() < order)
      release(link(1 - side_, earlier));
}

Handle SharedEnd::parcel(std::uint8_t number) const { return handle_from(link(1 - side_, number)); }

void SharedEnd::empty_parcel(std::uint8_t number) const {
  release(link(1 - side_, number));
  other().free_links.notify_all();
}

Turn::Turn(Direction& direction, const Deadline& deadline)
    : Turn(direction, direction.lock.acquire_if_free() ||
                          direction.lock.acquire(deadline) != OwnerLock::Taken::not_in_time) {}

Turn::Turn(Direction& direction, const Deadline& deadline, Interruptible)
    : Turn(direction,
           direction.lock.acquire_if_free() || acquire_interruptibly(direction.lock, deadline)) {}

Turn::Turn(Direction& direction, bool taken) : direction_(direction), taken_(taken) {
  // The lock may be a dead process's, or have been let go since by another that found it so.
  if (taken_ && names_a_dead(direction_.amid.load())) break_stream();
}

Turn::~Turn() {
  if (taken_) direction_.lock.release();
}

bool Turn::broken() const { return direction_.broken.load() != 0; }

void Turn::break_stream() {
  direction_.broken.store(1);
  direction_.amid.store(0);
}

bool Turn::is_amid() const {
  const std::uint64_t word = direction_.amid.load();
  if (word != 0 && word != self().packed())
    throw_os_error(EBUSY, "recv",
                   "a message whose beginning another process took before its time was over");
  return word != 0;
}

void Turn::begin_message() { direction_.amid.store(self().packed(), std::memory_order_relaxed); }

void Turn::end_message() { direction_.amid.store(0, std::memory_order_release); }

}  // namespace multiprocessing::detail
