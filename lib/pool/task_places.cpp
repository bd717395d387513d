// Where tasks were submitted, for what is said of those that are lost.
#include <string>

#include "pool/task_table.hpp"

namespace multiprocessing::detail {

void TaskTable::note_place(std::uint32_t record, const Where& where) {
  if (where.file_name != nullptr && places_.size() <= record)
    places_.resize(segments_.size() * records_per_segment, {nullptr, 0});
  if (record < places_.size()) places_[record] = where;
}

std::string TaskTable::told_place(std::uint32_t record) const {
  if (places_.size() <= record || places_[record].file_name == nullptr) return {};
  return std::string{", submitted at "} + places_[record].file_name + ':' +
         std::to_string(places_[record].line);
}

}  // namespace multiprocessing::detail
