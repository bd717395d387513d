#include "pool/task_limits.hpp"

namespace multiprocessing::detail {

TaskLimits limits_of(const TaskTerms& terms) {
  TaskLimits limits;
  if (!terms.expires.is_forever()) limits.begin_by = moment_after(terms.expires);
  if (!terms.timeout.is_forever()) limits.longest = terms.timeout.length().count();
  if (limits.longest == 0) limits.begin_by = 0;  // it has passed already
  if (terms.call_ends != no_moment) {
    limits.begin_by = std::min(limits.begin_by, terms.call_ends);
    limits.end_by = terms.call_ends;
  }
  return limits;
}

void LimitedTasks::add(TaskName name, const TaskLimits& limits) {
  if (limits.longest != no_moment) {
    to_begin.push_back(name);
    shortest = std::min(shortest, limits.longest);
  }
  // Last: where there is no memory for it, a later task of that name must not expire.
  if (limits.begin_by != no_moment) expiries.push({limits.begin_by, name});
}

}  // namespace multiprocessing::detail
