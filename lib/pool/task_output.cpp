// What tasks have written, as the process that submitted them sees it.
#include <string>

#include "pool/task_table.hpp"

namespace multiprocessing::detail {

std::string TaskTable::output(std::uint32_t record) const {
  if (!ended(record)) throw ValueError("the result is not ready, and neither is its output");
  if ((at(record).marks.load() & TaskRecord::captured) == 0)
    throw ValueError("the task was submitted without .capture_output");
  return output_in(links(record).output);
}

/// What the dead worker had written of the task that it had in hand; its successor finds the file
/// empty.
void TaskTable::keep_output_of(const WorkerEnd& end) {
  const SeatRecord* const seat = seat_of(TaskWord::worker(end.name));
  if (seat == nullptr) return;
  const std::uint32_t record = end.at.record();
  const bool captured = (at(record).marks.load() & TaskRecord::captured) != 0;
  const bool in_hand = look(record).state() == TaskWord::worker(end.name);
  Link& into = links(record).output;
  outputs_.empty(static_cast<std::size_t>(seat - seats_of(board_).data()),
                 captured && in_hand ? &into : nullptr);
}

void TaskTable::give_back_output(std::uint32_t record) const noexcept {
  if (look(record).state() == TaskWord::refused) return;
  try {
    give_back(links(record).output);
  } catch (const std::exception&) {
    // The others took this process for dead, and have given it back.
  }
}

}  // namespace multiprocessing::detail
