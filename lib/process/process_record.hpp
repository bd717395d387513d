// ProcessRecord: a process as those that have a handle of it know it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "arena/member.hpp"
#include "base/unique_fd.hpp"

namespace multiprocessing::detail {

class Child;

/// What all copies of a ProcessHandle in one process share.
struct ProcessRecord {
  ProcessRecord(Member in_family, pid_t id, std::string known_as, bool is_daemon,
                std::shared_ptr<Child> started = nullptr)
      : member(in_family),
        pid(id),
        name(std::move(known_as)),
        daemon(is_daemon),
        child(std::move(started)) {}
  ~ProcessRecord() { UniqueFd{pidfd.load(std::memory_order_relaxed)}.reset(); }
  ProcessRecord(const ProcessRecord&) = delete;
  ProcessRecord& operator=(const ProcessRecord&) = delete;

  const Member member;  // never given out twice; the process id may be another process's by now
  const pid_t pid;
  const std::string name;
  const bool daemon;
  const std::shared_ptr<Child>
      child;                   // null but in the process that started it; inert in its forks
  std::atomic<int> pidfd{-1};  // of no child; opened when it is needed, by the first thread there
};

}  // namespace multiprocessing::detail
