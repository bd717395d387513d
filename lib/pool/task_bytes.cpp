#include "pool/task_bytes.hpp"

#include <algorithm>
#include <cstring>

namespace multiprocessing::detail {
namespace {

Reader in_record(const TaskRecord& record) {
  const std::size_t size = record.size.load(std::memory_order_relaxed);
  return Reader{std::span{record.bytes}.first(std::min(size, sizeof record.bytes))};
}

}  // namespace

TaskLinks links_of(const Handle& segment, std::uint32_t record) {
  const std::span<Link> links = links_of(segment);
  const std::size_t at = record % records_per_segment;
  // Outputs apart: tasks have none as a rule.
  return {links[at * 2], links[at * 2 + 1], links[records_per_segment * std::size_t{2} + at]};
}

bool fits_record(const Writer& writer, const Envelope& mentioned) {
  return writer.size() <= sizeof TaskRecord::bytes && mentioned.empty();
}

void put(TaskRecord& record, const Writer& writer) {
  std::memcpy(record.bytes, writer.view().data(), writer.size());
  record.size.store(static_cast<std::uint32_t>(writer.size()), std::memory_order_relaxed);
}

TaskReader::TaskReader(const TaskRecord& record, const Link& link)
    : reading_(links_of(link)), reader_(link.load() == 0 ? in_record(record) : results_in(link)) {}

TaskLimits limits_behind(const TaskRecord& record, const Link& call) {
  Reader reader = call.load() == 0 ? in_record(record) : results_in(call);
  static_cast<void>(reader.take(reader.remaining() - sizeof(TaskLimits)));
  return reader.raw<TaskLimits>();
}

void give_back(Link& link) {
  if (link.load() != 0) release(link);
}

}  // namespace multiprocessing::detail
