// Births: how a child is registered in the family before it exists, and how it joins.
#pragma once

#include <sys/types.h>

#include "arena/member.hpp"
#include "arena/message_handles.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// The registration of a child, made by the parent before the child exists. It enters the handles
/// in the child's arguments in the child's reference table, so that they are released whether or
/// not the child ever comes to life.
class MULTIPROCESSING_API Birth {
 public:
  /// Tells asking parts beside the arguments. Throws ProcessError when the table of processes is
  /// full.
  explicit Birth(const OutgoingHandles& arguments = {});
  Birth(Birth&& other) noexcept;
  Birth& operator=(Birth&&) = delete;
  ~Birth();  // settles a child that never came to life

  [[nodiscard]] Member child() const { return child_; }

  /// The child's process exists: from now on it is settled when it dies.
  void delivered(pid_t pid) noexcept;

  /// Forks; the child is this member. -1 and errno as fork(); the birth is delivered in the parent.
  [[nodiscard]] pid_t fork();

 private:
  Member child_;
  bool mine_ = true;
};

[[nodiscard]] MULTIPROCESSING_API ArenaAddress address_for(const Birth& birth);

/// In the fork server: forks a process that becomes the member which the requesting parent
/// registered. -1 with errno ESRCH when that parent has died meanwhile.
[[nodiscard]] MULTIPROCESSING_API pid_t fork_for(Member child);

/// In a child: while it lives, the child can receive the handles that its parent entered for it.
class MULTIPROCESSING_API BirthHandles {
 public:
  BirthHandles();
  ~BirthHandles();  // releases those that were not asked for
  BirthHandles(const BirthHandles&) = delete;
};

/// Looks at every member and settles those that died; how many. start() does so now and then.
MULTIPROCESSING_API int sweep();

}  // namespace multiprocessing::detail
