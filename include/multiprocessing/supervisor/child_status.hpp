// What a supervisor tells of its children: as they are, and what happens to them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "multiprocessing/process/process_handle.hpp"

namespace multiprocessing {

/// Where a child of a supervisor is in its life. A child that is `waiting` starts when its delay
/// is over, or when those before it are ready; one that is `ended` is not started again by itself.
enum class ChildState { waiting, starting, ready, stopping, ended };

/// A child of a supervisor as it was when the supervisor was asked.
struct ChildStatus {
  std::string name;
  ChildState state = ChildState::waiting;
  std::optional<ProcessHandle> process = {};  // none while no process runs
  int restarts = 0;                           // that were not asked for
  std::optional<int> exitcode = {};           // of its last process that has ended
  std::vector<ChildStatus> children = {};     // of a subtree in this process
};

/// What happens to a child of a supervisor. `given_up` has the name of the child that has died too
/// often.
enum class ChildEvent { started, ready, ended, restarted, given_up };

/// One thing that has happened. The exit code is that of `ended` and `given_up`, as
/// `Process::exitcode()`; a subtree in this process has no process id.
struct SupervisorEvent {
  ChildEvent what = ChildEvent::started;
  std::string name = {};
  pid_t pid = 0;
  int exitcode = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& what& name& pid& exitcode;
  }
};

}  // namespace multiprocessing
