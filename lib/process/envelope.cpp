#include "process/envelope.hpp"

namespace multiprocessing::detail {

void Envelope::clear() {
  handles_.clear();
  ends_ = {};
}

bool Envelope::leave_ends(const Deadline& deadline) {
  if (ends().empty()) return true;
  const Handle ticket = detail::leave_ends(ends(), deadline);
  if (!ticket) return false;
  handles_.add(ticket);
  ends_ = {};
  return true;
}

void Envelope::hold_by(std::span<Link> links) const {
  std::size_t i = 0;
  for (const Handle& handle : handles()) hold(links[i++], handle);
}

Envelope::Writing::Writing(Envelope& into, Takes takes) : ends_(into.ends_) {
  if (takes == Takes::all) handles_.emplace(into.handles_);
}

}  // namespace multiprocessing::detail
