// QueueRef: a queue's body and its links, as this process sees them.
#pragma once

#include <cstdint>

#include "arena/blocks.hpp"
#include "queues/body.hpp"

namespace multiprocessing::detail {

/// A queue as this process sees it.
struct QueueRef {
  const Handle& handle;
  QueueBody& body;

  explicit QueueRef(const Handle& of) : handle(of), body(*of.as<QueueBody>()) {}

  [[nodiscard]] Link& link(std::uint32_t index) const { return links_of(handle)[index]; }
  [[nodiscard]] Link& ring_link(std::uint32_t ring) const { return link(ring % ring_links); }
  /// A slot, once there are slots.
  [[nodiscard]] MessageSlot& slot(std::uint32_t index) const {
    return static_cast<MessageSlot*>(data_of(link(slots_link)))[index];
  }
  /// What owns the slot's memory.
  [[nodiscard]] Link& slot_link(std::uint32_t index) const {
    return links_of(link(slots_link))[index];
  }
  [[nodiscard]] RingHeader& ring(const Side& side) const { return ring_of(body, side); }
};

}  // namespace multiprocessing::detail
