// What tasks came to, as the process that submitted them sees it.
#include <string>

#include "pool/task_table.hpp"
#include "pool/told_origin.hpp"

namespace multiprocessing::detail {
namespace {

std::string named(const Elements& task) {
  return task.count == 0 ? "the task" : "the task with " + describe(task.first, task.count);
}

}  // namespace

/// Not of one that was cancelled or stopped, nor of those that ended with their pool.
bool TaskTable::failed_for_the_log(std::uint32_t record) const {
  const std::uint32_t state = look(record).state();
  return logs_unseen_failures_ && (state == TaskWord::threw || state == TaskWord::lost ||
                                   state == TaskWord::expired || state == TaskWord::overdue);
}

void TaskTable::read_result(std::uint32_t record, void (*read)(void*, Reader&), void* state,
                            Elements elements, const Origin& origin) {
  const TaskLinks at_blocks = links(record);
  struct BlocksGo {
    ~BlocksGo() { table.give_back_blocks(record); }
    const TaskTable& table;
    const std::uint32_t record;
  } const at_the_end{*this, record};
  switch (look(record).state()) {
    case TaskWord::done: {
      TaskReader result(at(record), at_blocks.result);
      return read(state, result.reader());
    }
    case TaskWord::threw:
      std::rethrow_exception(exception_in(at_blocks.result));
    case TaskWord::cancelled:
      throw CancelledError("the task was cancelled before it began");
    case TaskWord::stopped:
      throw CancelledError("the task was stopped, and the worker that ran it killed");
    case TaskWord::expired:
      throw TimeoutError(named(elements) + " did not begin in time, and never will" +
                         told_origin(origin));
    case TaskWord::overdue:
      throw TimeoutError(named(elements) +
                         " was not over in time, and the worker that ran it was killed" +
                         told_origin(origin));
    default:
      break;
  }
  const std::scoped_lock guard{mutex_};
  if (const auto loss = losses_.find(record); loss != losses_.end()) {
    const WorkerDied& death = loss->second;
    const std::string what =
        elements.count == 0 ? "a task" : describe(elements.first, elements.count);
    throw WorkerDied(death.what() + what + told_origin(origin), death.pid(), death.exitcode(),
                     elements.first);
  }
  try {
    std::rethrow_exception(refused_);
  } catch (const BrokenProcessPool& broken) {
    throw BrokenProcessPool(broken);  // each result has an exception of its own
  }
}

}  // namespace multiprocessing::detail
