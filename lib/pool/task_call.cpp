// Tasks as their callers see them.
#include <new>
#include <optional>

#include "multiprocessing/detail/delivered.hpp"
#include "multiprocessing/detail/task.hpp"
#include "pool/pool_core.hpp"
#include "pool/task_table.hpp"

namespace multiprocessing::detail {

Follower::~Follower() = default;

SubmittedTask::~SubmittedTask() {
  if (table_ == nullptr || !table_->in_creator()) return;
  try {
    table_->give_back_record(record_);
  } catch (const std::bad_alloc&) {
    // Then the record is found when the pool has gone.
  }
}

TaskTable& SubmittedTask::table() const {
  if (!table_->in_creator())
    throw AssertionError("a task's result belongs to the process that submitted the task");
  return *table_;
}

bool SubmittedTask::ended() const { return table().ended(record_); }

bool SubmittedTask::wait(Timeout timeout) const { return wait_until(Deadline{timeout}); }

bool SubmittedTask::wait_until(const Deadline& deadline) const {
  return table().await_end(record_, deadline);
}

bool SubmittedTask::lost() const { return table().lost(record_); }

bool SubmittedTask::runs() const { return table().runs(record_); }

bool SubmittedTask::cancel() const { return table().cancel(record_); }

bool SubmittedTask::stop(Timeout grace) const { return table().stop(record_, grace); }

bool SubmittedTask::ask_to_stop(Timeout grace) const { return table().ask_to_stop(record_, grace); }

bool SubmittedTask::stopped() const { return table().stopped(record_); }

bool SubmittedTask::cancelled() const { return table().cancelled(record_); }

bool SubmittedTask::failed() const { return table().failed(record_); }

bool SubmittedTask::follow(std::shared_ptr<Follower> follower) const {
  return table().follow(record_, std::move(follower));
}

std::shared_ptr<Delivery> SubmittedTask::delivery() const {
  std::shared_ptr<Delivery> delivery = table().delivery();
  if (delivery != nullptr) delivery->start();
  return delivery;
}

void SubmittedTask::read_result(void (*read)(void* state, Reader& reader), void* state,
                                Elements elements) {
  table().read_result(record_, read, state, elements, origin_);
}

bool SubmittedTask::failed_for_the_log() const {
  return table_ != nullptr && table_->in_creator() && table_->failed_for_the_log(record_);
}

std::string SubmittedTask::output() const { return table().output(record_); }

Delivered::Delivered(PoolCore& pool) : delivery_(pool.delivery()) {}

class TaskCall::Impl {
 public:
  explicit Impl(std::shared_ptr<TaskTable> table)
      : table_(std::move(table)), writing_(std::in_place, mentioned_) {}

  [[nodiscard]] Writer& writer() { return writer_; }
  void end_of_writing() { writing_.reset(); }

  [[nodiscard]] const std::shared_ptr<TaskTable>& table() const { return table_; }
  [[nodiscard]] bool submit(TaskTerms terms, std::uint32_t& record) {
    const TaskLimits limits = limits_of(terms);
    if (limits.any()) writer_.raw(limits);
    return table_->submit(writer_, mentioned_, std::move(terms), limits, record);
  }

 private:
  const std::shared_ptr<TaskTable> table_;
  Writer writer_;
  Envelope mentioned_;
  std::optional<const Envelope::Writing> writing_;
};

TaskCall::TaskCall(PoolCore& pool, TaskRunner runner)
    : impl_(std::make_unique<Impl>(pool.tasks())) {
  const std::uint32_t call = impl_->table()->begin_call();
  write_function(impl_->writer(), any_function(runner));
  impl_->writer().raw(call);
}

TaskCall::TaskCall(const std::shared_ptr<TaskTable>& tasks, TaskRunner runner, std::uint32_t call,
                   std::size_t first)
    : impl_(std::make_unique<Impl>(tasks)) {
  if (!tasks->in_creator())
    throw AssertionError("a pool belongs to the process that made it; make one in this process");
  tasks->check_open();
  write_function(impl_->writer(), any_function(runner));
  impl_->writer().raw(call);
  impl_->writer().raw(first);
}

TaskCall::~TaskCall() = default;

Writer& TaskCall::writer() { return impl_->writer(); }

void TaskCall::end_of_writing() { impl_->end_of_writing(); }

bool TaskCall::submit(SubmittedTask& task, TaskTerms terms) {
  task.table_ = impl_->table();
  task.origin_ = terms.origin;
  try {
    const bool submitted = impl_->submit(std::move(terms), task.record_);
    if (!submitted) task.table_ = nullptr;
    return submitted;
  } catch (...) {
    task.table_ = nullptr;
    throw;
  }
}

}  // namespace multiprocessing::detail
