// The name of a process, beside a queue: for messages that tell of its death.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "arena/member.hpp"

namespace multiprocessing::detail {

/// Written by the process itself; the member last, so that the others have what belongs to it.
struct MemberName {
  static constexpr std::size_t longest = 43;

  std::atomic<std::uint64_t> packed_member;  // 0: never used
  std::atomic<std::int32_t> process_id;
  char name[longest + 1];  // cut off when it is longer

  [[nodiscard]] Member member() const { return Member::from(packed_member.load()); }
  [[nodiscard]] pid_t pid() const { return process_id.load(); }
  /// "'work-2' (process 123)".
  [[nodiscard]] std::string describe() const;

  void set_to_this_process();
};

}  // namespace multiprocessing::detail
