// Tasks of a pool whose workers start when there are tasks for them.
#include <vector>

#include "pool/task_table.hpp"

namespace multiprocessing::detail {

void TaskTable::start_by(const std::shared_ptr<WorkerStarter>& starter) {
  starter_ = starter;
  starts_ = true;
}

std::size_t TaskTable::count_unended() {
  const std::scoped_lock guard{mutex_};
  std::erase_if(unended_, [this](TaskName name) {
    const TaskWord word = look(name.record());
    return word.use() != name.use() || (word.state() != TaskWord::queued && !word.runs());
  });
  return unended_.size();
}

}  // namespace multiprocessing::detail
