// The keeper: a fork server that has the descriptors in messages open until they are received.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "arena/family.hpp"
#include "arena/message_handles.hpp"
#include "base/abstract_name.hpp"
#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "multiprocessing/detail/export.hpp"
#include "process/descriptor_message.hpp"
#include "process/identity.hpp"

namespace multiprocessing::detail {

// ---- what goes over its socket: datagrams; the first descriptor is where the answer goes.

struct KeeperAddress {
  Member member;                   // none: there is no keeper
  AbstractName name;               // of its socket
  std::uint64_t network;           // in which that name is known; see network_of()
  std::array<char, key_size> key;  // a stranger that found the socket does not know it
};

struct KeeperRequest {
  enum What : std::uint32_t { keep, give } what;
  std::array<char, key_size> key;
  ObjectName ticket;
};

/// An errno, 0 when all is well; with the descriptors that were asked for.
struct KeeperAnswer {
  std::int32_t error;
};

// ---- where all members of a family find its keeper

/// Thrown when the deadline has passed.
struct OutOfTime {};

/// The family's keeper. If it has none that lives, `appoint` finds one, and others that want to
/// know it wait. Throws OutOfTime.
[[nodiscard]] KeeperAddress family_keeper(KeeperAddress (*appoint)(const Deadline&),
                                          const Deadline& deadline);

/// That one does not serve any more, whether or not it lives. Throws OutOfTime.
MULTIPROCESSING_API void dismiss(Member keeper, const Deadline& deadline = Deadline::never());

/// How many tickets this process has, if it is the keeper.
void tell_kept(std::size_t tickets);

/// Whether the member is the family's keeper and keeps something.
[[nodiscard]] bool keeps_ends(Member member);

// For tests.
[[nodiscard]] MULTIPROCESSING_API KeeperAddress keeper_if_any();
[[nodiscard]] MULTIPROCESSING_API std::size_t kept_tickets();

// ---- the fork server's part

/// What a fork server keeps. Never waits.
class Keeper {
 public:
  /// Its address; the first call opens the socket. Throws OSError.
  [[nodiscard]] const KeeperAddress& open();

  [[nodiscard]] int socket() const { return socket_.get(); }  // -1: not asked for yet
  [[nodiscard]] bool keeps_any() const { return !kept_.empty(); }

  /// Answers the request that waits in the socket.
  void handle_request();

  /// Forgets what can be asked for no more, also because the processes that could have died.
  void look();

  /// In a child that was just forked.
  void leave();

 private:
  void keep(const ObjectName& ticket, Message message);
  void give(const ObjectName& ticket, const UniqueFd& to);
  void forget_unheld();

  struct Kept {
    ObjectName ticket;
    std::vector<UniqueFd> descriptors;
  };

  UniqueFd socket_;
  KeeperAddress address_{};
  std::unordered_map<std::uint64_t, Kept> kept_;  // by the offset of the ticket
  std::size_t look_at_ = 0;  // a table as large as this is looked through before it grows
};

}  // namespace multiprocessing::detail
