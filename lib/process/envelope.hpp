// Envelope: what the values in a message mention, and how that goes along with their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "arena/birth.hpp"
#include "arena/message_handles.hpp"
#include "base/deadline.hpp"
#include "multiprocessing/detail/export.hpp"
#include "process/end_fd.hpp"

namespace multiprocessing::detail {

/// The shared objects and the ends of pipes and sockets that values mention.
///
/// The author of a message in shared memory, the result of a task for example, writes its values
/// while an envelope takes what they mention, and has the message hold that:
///
///     Envelope envelope;
///     {
///       const Envelope::Writing writing{envelope};
///       write(writer, result);
///     }
///     envelope.leave_ends();
///     Block block{writer.size(), envelope.handles().size()};
///     envelope.hold_by(block.links());
///
/// The receiver reads the values while they may ask for what the message holds:
///
///     const Envelope::Reading reading{links_of(link)};
///     auto result = read<Result>(reader);
///
/// A message that carries descriptors itself, to a child or by a socket, has no use for
/// leave_ends(): the author takes the numbers of ends(), the receiver gives what came to Reading.
class MULTIPROCESSING_API Envelope {
 public:
  /// What the receiver can be given: descriptors alone where it is no member of the family.
  enum class Takes { all, ends };

  /// While alive, values that are written on this thread put into the envelope what they mention.
  class Writing;

  /// While alive, values that are read on this thread find what came along with their message.
  /// Ends that no value asked for are closed.
  class Reading;

  [[nodiscard]] std::span<const Handle> handles() const { return handles_.handles(); }
  [[nodiscard]] const OutgoingHandles& outgoing() const { return handles_; }  // to a child
  [[nodiscard]] std::span<const std::shared_ptr<EndFd>> ends() const { return ends_; }
  [[nodiscard]] bool empty() const { return handles().empty() && ends().empty(); }
  void clear();

  /// Leaves the ends, if there are any, with the family's keeper: a last handle stands for them, so
  /// that the message can be read once. Throws OSError, ProcessError.
  void leave_ends() { (void)leave_ends(Deadline::never()); }
  /// The same; false when that was not done in time.
  [[nodiscard]] bool leave_ends(const Deadline& deadline);

  /// The message that these links are of holds the handles from now on. The links are empty.
  void hold_by(std::span<Link> links) const;

  // ---- for what is written or read

  /// Whether the envelope of this thread takes handles.
  [[nodiscard]] static bool takes_handles() { return OutgoingHandles::can_collect(); }

  /// Puts an end into the envelope of this thread, once; its place there. Throws SerializationError
  /// when there is none: not every message can carry descriptors.
  static std::uint32_t enclose(const std::shared_ptr<EndFd>& end);

  struct Arrived {
    std::shared_ptr<EndFd> end;
    std::shared_ptr<ReceivedEnd> made;
  };

  /// The end that came at that place. Throws SerializationError when nothing did.
  [[nodiscard]] static Arrived& enclosed(std::uint32_t place);

 private:
  OutgoingHandles handles_;
  std::vector<std::shared_ptr<EndFd>> ends_;  // once each
};

class MULTIPROCESSING_API Envelope::Writing {
 public:
  explicit Writing(Envelope& into, Takes takes = Takes::all);
  ~Writing();
  Writing(const Writing&) = delete;

 private:
  std::optional<OutgoingHandles::Scope> handles_;
  Envelope* const previous_;
};

class MULTIPROCESSING_API Envelope::Reading {
 public:
  /// Of a message in shared memory. Its ends are taken from their keeper when the first is asked
  /// for; a keeper that is stopped is waited for until the deadline.
  explicit Reading(std::span<const Link> links, const Deadline& deadline = Deadline::never());

  /// Of a message that brought the descriptors itself.
  Reading(std::span<const Link> links, std::vector<std::shared_ptr<EndFd>> ends);

  /// Of the arguments of this process. Its parent has booked their handles to it.
  explicit Reading(std::vector<std::shared_ptr<EndFd>> ends);

  ~Reading();
  Reading(const Reading&) = delete;

 private:
  friend class Envelope;
  void take();

  std::optional<BirthHandles> booked_;
  const IncomingHandles handles_;
  std::span<const Link> untaken_;  // the last one is the ticket of ends, if there are any
  const Deadline deadline_ = Deadline::never();
  std::vector<Arrived> arrived_;
  Reading* const previous_;
};

}  // namespace multiprocessing::detail
