#include "process/envelope.hpp"

#include <algorithm>
#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "process/keeper_client.hpp"

namespace multiprocessing::detail {
namespace {

thread_local Envelope* being_written = nullptr;
thread_local Envelope::Reading* being_read = nullptr;

std::vector<Envelope::Arrived> arrivals(std::vector<std::shared_ptr<EndFd>> ends) {
  std::vector<Envelope::Arrived> arrived;
  for (auto& end : ends) arrived.push_back({std::move(end), nullptr});
  return arrived;
}

}  // namespace

void Envelope::clear() {
  handles_.clear();
  ends_.clear();
}

bool Envelope::leave_ends(const Deadline& deadline) {
  if (ends_.empty()) return true;
  const Handle ticket = detail::leave_ends(ends_, deadline);
  if (!ticket) return false;
  handles_.add(ticket);
  ends_.clear();
  return true;
}

void Envelope::hold_by(std::span<Link> links) const {
  std::size_t i = 0;
  for (const Handle& handle : handles()) hold(links[i++], handle);
}

std::uint32_t Envelope::enclose(const std::shared_ptr<EndFd>& end) {
  if (being_written == nullptr)
    throw SerializationError(
        "the end of a pipe or socket can be sent as an argument of a Process or of a pool's "
        "initializer, by a Connection over a Pipe or AF_UNIX, by a queue, and in an element or "
        "result of a pool; not in a file");
  auto& ends = being_written->ends_;
  auto found = std::ranges::find(ends, end);
  if (found == ends.end()) found = ends.insert(found, end);
  return static_cast<std::uint32_t>(found - ends.begin());
}

Envelope::Arrived& Envelope::enclosed(std::uint32_t place) {
  if (being_read != nullptr) being_read->take();
  if (being_read == nullptr || place >= being_read->arrived_.size())
    throw SerializationError("the end of a pipe or socket did not come along with its message");
  return being_read->arrived_[place];
}

Envelope::Writing::Writing(Envelope& into, Takes takes)
    : previous_(std::exchange(being_written, &into)) {
  if (takes == Takes::all) handles_.emplace(into.handles_);
}

Envelope::Writing::~Writing() { being_written = previous_; }

Envelope::Reading::Reading(std::span<const Link> links, const Deadline& deadline)
    : handles_(links),
      untaken_(links),
      deadline_(deadline),
      previous_(std::exchange(being_read, this)) {}

Envelope::Reading::Reading(std::span<const Link> links, std::vector<std::shared_ptr<EndFd>> ends)
    : handles_(links),
      arrived_(arrivals(std::move(ends))),
      previous_(std::exchange(being_read, this)) {}

Envelope::Reading::Reading(std::vector<std::shared_ptr<EndFd>> ends)
    : Reading(std::span<const Link>{}, std::move(ends)) {
  booked_.emplace();
}

Envelope::Reading::~Reading() { being_read = previous_; }

void Envelope::Reading::take() {
  if (untaken_.empty()) return;
  const Handle ticket = handle_from(std::exchange(untaken_, {}).back());
  arrived_ = arrivals(take_ends(ticket, deadline_));
}

}  // namespace multiprocessing::detail
