// Where the call and the result of a task lie: in its record, or in a block of their own.
#pragma once

#include <span>

#include "arena/blocks.hpp"
#include "pool/outcome.hpp"
#include "pool/task_limits.hpp"
#include "pool/task_record.hpp"

namespace multiprocessing::detail {

/// The blocks of one record.
struct TaskLinks {
  Link& call;
  Link& result;
  Link& output;
};
inline constexpr std::size_t links_per_segment = std::size_t{records_per_segment} * 3;
[[nodiscard]] TaskLinks links_of(const Handle& segment, std::uint32_t record);

/// Whether what was written lies in the record: it is small and mentions nothing.
[[nodiscard]] bool fits_record(const Writer& writer, const Envelope& mentioned);
void put(TaskRecord& record, const Writer& writer);

/// Reads what lies behind the link, or in the record when nothing is there. Handles and ends in it
/// may be asked for meanwhile.
class TaskReader {
 public:
  TaskReader(const TaskRecord& record, const Link& link);

  [[nodiscard]] Reader& reader() { return reader_; }

 private:
  const Envelope::Reading reading_;
  Reader reader_;
};

/// What lies behind the call of a task that has limits.
[[nodiscard]] TaskLimits limits_behind(const TaskRecord& record, const Link& call);

/// Gives a block back, also one that a worker gave there that died before it could end the task.
void give_back(Link& link);

}  // namespace multiprocessing::detail
