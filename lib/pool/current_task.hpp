// CurrentTask: what a worker is at, for this_task.
#pragma once

#include "multiprocessing/detail/stop_word.hpp"
#include "pool/task_record.hpp"

namespace multiprocessing::detail {

/// While it lives this process runs that task; for one thread.
class CurrentTask {
 public:
  explicit CurrentTask(TaskName name);
  ~CurrentTask();
  CurrentTask(const CurrentTask&) = delete;

  /// From now on this process is a worker whose tasks are asked to stop by that word, which stays.
  static void asked_by(const StopWord& word);
};

}  // namespace multiprocessing::detail
