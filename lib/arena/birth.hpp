// Births: how a child joins the family, and what happens to it when this process forks.
#pragma once

#include <sys/types.h>

#include "arena/member.hpp"
#include "arena/message_handles.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

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

/// Looks at every member and settles those that died; how many. start() does so now and then.
MULTIPROCESSING_API int sweep();

}  // namespace multiprocessing::detail
