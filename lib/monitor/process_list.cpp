#include "monitor/process_list.hpp"

#include <libproc2/pids.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/os_error.hpp"
#include "monitor/printable.hpp"

namespace multiprocessing::detail {
namespace {

enum Place { pid, parent, name, state, ticks, started, pages, threads, count };

std::array<pids_item, Place::count> wanted{PIDS_ID_PID,   PIDS_ID_PPID,    PIDS_CMD, PIDS_STATE,
                                           PIDS_TICS_ALL, PIDS_TICS_BEGAN, PIDS_RSS, PIDS_NLWP};

ProcessLine line_of(const pids_result* fields) {
  const char* const text = fields[Place::name].result.str;
  return {.pid = fields[Place::pid].result.s_int,
          .parent = fields[Place::parent].result.s_int,
          .name = text == nullptr ? std::string{} : printable(text),
          .state = static_cast<char>(fields[Place::state].result.s_ch),
          .ticks = fields[Place::ticks].result.ull_int,
          .started = fields[Place::started].result.ull_int,
          .pages = fields[Place::pages].result.ul_int,
          .threads = fields[Place::threads].result.s_int};
}

}  // namespace

void ProcessList::Release::operator()(pids_info* info) const { procps_pids_unref(&info); }

ProcessList::ProcessList() {
  pids_info* info = nullptr;
  if (const int result = procps_pids_new(&info, wanted.data(), Place::count); result < 0)
    throw_os_error(-result, "procps_pids_new", "/proc");
  info_.reset(info);
}

std::vector<ProcessLine> ProcessList::read() {
  const pids_fetch* const fetched = procps_pids_reap(info_.get(), PIDS_FETCH_TASKS_ONLY);
  if (fetched == nullptr) throw_os_error("procps_pids_reap", "/proc");
  std::vector<ProcessLine> lines;
  const auto total = static_cast<std::size_t>(std::max(fetched->counts->total, 0));
  lines.reserve(total);
  for (const pids_stack* stack : std::span{fetched->stacks, total})
    lines.push_back(line_of(stack->head));
  std::ranges::sort(lines, {}, &ProcessLine::pid);
  // The kernel shows each process once; a list without any is none.
  if (lines.empty()) throw_os_error(ENOENT, "procps_pids_reap", "/proc");
  return lines;
}

}  // namespace multiprocessing::detail
