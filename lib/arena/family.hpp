// The family: which processes share the arena, which of them live, and how a child joins.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "arena/message_handles.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Names one process for ever: a slot of the arena's table and how often that slot had been given
/// away. `none` names nobody.
struct Member {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  [[nodiscard]] explicit operator bool() const { return slot != 0; }
  friend bool operator==(Member, Member) = default;
};

/// This process. Makes the arena on the first call in a process that has none. Throws ProcessError
/// outside the family: in a child that skipped the fork handlers, or whose descriptors were closed.
[[nodiscard]] MULTIPROCESSING_API Member self();

/// The same, but none instead of an arena made or an exception.
[[nodiscard]] MULTIPROCESSING_API Member self_if_any();

/// Whether the process lives (a child on its way counts). One fcntl, 0.7 µs; zombies are dead.
[[nodiscard]] MULTIPROCESSING_API bool alive(Member member);

/// For messages only: its process id, 0 when the slot has been reused since.
[[nodiscard]] MULTIPROCESSING_API pid_t pid_of(Member member);

/// The exit code as a child left it in its slot before it ended, negative for a signal; gone once
/// the slot is reused.
MULTIPROCESSING_API void leave_exit_code(int code);
[[nodiscard]] MULTIPROCESSING_API std::optional<int> left_exit_code(Member member);

/// The same by the process that reaped it, for those that were killed and could leave none.
MULTIPROCESSING_API void note_exit_code(Member member, int code);

/// Gives back what a process that is known to have ended held. For the parent that saw it end;
/// a no-op when it was done already.
MULTIPROCESSING_API void settle(Member member);

/// Looks at every member and settles those that died; how many. start() does so now and then.
MULTIPROCESSING_API int sweep();

/// A file that all members inherit open, for what has to be found after the family's end: the
/// module `shared_memory` says what. It lies in the folder of blocks without a name, which it can
/// be given once, or in no folder where that takes no such files. A lock on it (flock) lives as
/// long as any process of the family.
struct Bequest {
  int fd;
  std::uint64_t arena;  // the family's id
};

/// Nothing without an arena, and once the program has closed the descriptor.
[[nodiscard]] MULTIPROCESSING_API std::optional<Bequest> bequest_of_family();

/// This process lives for what the others ask of it: when such as this are all that is left,
/// nobody is who could ask.
MULTIPROCESSING_API void become_servant();

/// Whether nobody else lives, or is on its way. True once is true for ever.
[[nodiscard]] MULTIPROCESSING_API bool only_servants_are_left();

/// Whether a member other than this process lives, or is on its way, that is no servant.
[[nodiscard]] MULTIPROCESSING_API bool has_relatives();

/// Memory that every member finds without a handle, for what a family has one of: the module
/// `process` says what. All zero in the beginning.
inline constexpr std::size_t family_place_bytes = 256;
[[nodiscard]] MULTIPROCESSING_API void* family_place();

/// A child to be. Made by the parent before the child exists; it books the handles in the child's
/// arguments to the child, so that they are given back whether or not it ever comes to life.
class MULTIPROCESSING_API Birth {
 public:
  /// Tells asking parts beside the arguments. Throws ProcessError when the table of processes is
  /// full.
  explicit Birth(const OutgoingHandles& arguments = {});
  Birth(Birth&& other) noexcept;
  Birth& operator=(Birth&&) = delete;
  ~Birth();  // settles a child that never was

  [[nodiscard]] Member child() const { return child_; }

  /// The child's process exists: from now on its death says when to settle.
  void delivered(pid_t pid) noexcept;

  /// fork() whose child is this member. -1 and errno as fork; the birth is delivered in the parent.
  [[nodiscard]] pid_t fork();

 private:
  Member child_;
  bool mine_ = true;
};

/// What a spawned child finds the family by. It stands at offset 0 of the memory file that is its
/// birth descriptor, so that handles used in static constructors find it before any hook.
struct ArenaAddress {
  std::uint64_t magic;
  std::uint64_t arena;  // its id
  int arena_fd;
  int family_fd;
  int bequest_fd;
  Member child;
};
[[nodiscard]] MULTIPROCESSING_API ArenaAddress address_for(const Birth& birth);

/// In the fork server: forks a process that becomes the member which the requesting parent
/// prepared. -1 with errno ESRCH when that parent has died meanwhile.
[[nodiscard]] MULTIPROCESSING_API pid_t fork_for(Member child);

/// In a child: ready to receive the handles that its parent booked to it, while it lives.
class MULTIPROCESSING_API BirthHandles {
 public:
  BirthHandles();
  ~BirthHandles();  // gives back those that nobody asked for
  BirthHandles(const BirthHandles&) = delete;
};

}  // namespace multiprocessing::detail
