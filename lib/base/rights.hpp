// What a thread may do: comparing it, and having it again after a program was executed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/close_on_exec.hpp"
#include "base/thread_status.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// What the calling thread may do, as text: users, groups, capability sets, no_new_privs,
/// securebits, seccomp filters, root folder, namespaces, label of a security module. Threads with
/// the same text may do the same. Empty where that cannot be known: without /proc, or where the
/// kernel does not tell how many filters there are. `status` is of this thread.
[[nodiscard]] MULTIPROCESSING_API std::string own_rights(const ThreadStatus& status);

/// Users, groups and capabilities of a thread: the part of its rights that executing a program
/// changes.
struct Credentials {
  std::uint32_t known = 0;               // 0: without /proc, and what follows means nothing
  std::uint32_t keeps_capabilities = 0;  // over a change of user: PR_SET_KEEPCAPS
  uid_t user[4] = {};                    // real, effective, saved, for files
  gid_t group[4] = {};
  std::uint64_t inheritable = 0;
  std::uint64_t permitted = 0;
  std::uint64_t effective = 0;
  std::uint64_t ambient = 0;

  friend bool operator==(const Credentials&, const Credentials&) = default;
};
[[nodiscard]] MULTIPROCESSING_API Credentials own_credentials(const ThreadStatus& status);

/// In a program that was just executed: has again what the thread that executed it had, or less
/// where the kernel does not give it back. Throws OSError rather than keep more.
MULTIPROCESSING_API void resume_credentials(const Credentials& starter);

/// What executing a program would take from the calling thread though resume_credentials() is to
/// have it: its capabilities, where it is not root. And where its real user or group is another
/// than the effective one the loader would distrust it, and not look where libraries are.
struct HandOver {
  std::uint64_t capabilities = 0;
  uid_t user = static_cast<uid_t>(-1);  // to be for that long; -1: as it is
  gid_t group = static_cast<gid_t>(-1);
};
[[nodiscard]] HandOver plan_hand_over() noexcept;

/// In a child that is about to execute a program. Allocates nothing.
void hand_over(const HandOver& plan) noexcept;

}  // namespace multiprocessing::detail
