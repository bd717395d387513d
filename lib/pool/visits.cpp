#include "pool/visits.hpp"

#include <exception>
#include <utility>
#include <vector>

#include "arena/event_count.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/detail/codec/exception.hpp"
#include "multiprocessing/detail/task.hpp"
#include "pool/outcome.hpp"

namespace multiprocessing::detail {
namespace {

Block outcome_of(const Link& call) {
  try {
    const Envelope::Reading reading(links_of(call));
    Reader reader = results_in(call);
    const auto runner = reinterpret_cast<TaskRunner>(read_function(reader));
    Envelope mentioned;
    Writer result;
    {
      const Envelope::Writing writing(mentioned);
      WorkerTask task{reader, result};
      runner(task);
    }
    return outcome_block(Outcome::results, result, mentioned);
  } catch (...) {
    const std::exception_ptr thrown = std::current_exception();
    if (thrown == nullptr) throw;  // pthread_exit
    get_logger().info("a call of for_each_worker threw: " + describe_exception(thrown));
    return exception_block(thrown);
  }
}

/// None when the caller has all that it waited for.
Handle results_of(const Handle& board, const Handle& visit) {
  const OwnerGuard guard{board.as<Board>()->lock};
  const Link& link = links_of(visit)[visit_results_link];
  return link.load() == 0 ? Handle{} : handle_from(link);
}

void make(const Handle& board, const Handle& visit, std::size_t seat) {
  Block outcome = outcome_of(links_of(visit)[visit_call_link]);
  const Handle results = results_of(board, visit);
  if (!results) return;
  auto& header = *results.as<VisitResults>();
  if (header.done(seat).load() != 0) return;  // a worker that was here before has told
  Link& link = links_of(results)[seat];
  if (link.load() != 0) release(link);  // of one that died right here
  fail_point("pool.visit.before_give");
  std::move(outcome).give_to(link);
  fail_point("pool.visit.given");
  header.done(seat).store(1);
  header.progress.notify_all();
}

}  // namespace

std::uint32_t make_visits(const Handle& board, std::size_t seat, std::uint32_t seen) {
  if (board.as<Board>()->visits.load() == seen) return seen;
  std::vector<Handle> visits;
  {
    const OwnerGuard guard{board.as<Board>()->lock};
    const Link& last = visit_link(board);
    if (last.load() != 0) visits.push_back(handle_from(last));
  }
  while (!visits.empty() && visits.back().as<VisitHeader>()->number > seen) {
    const Link& before = links_of(visits.back())[visit_before_link];
    if (before.load() == 0) break;
    visits.push_back(handle_from(before));
  }
  for (; !visits.empty(); visits.pop_back()) {
    const std::uint32_t number = visits.back().as<VisitHeader>()->number;
    if (number <= seen) continue;
    make(board, visits.back(), seat);
    seen = number;
  }
  return seen;
}

}  // namespace multiprocessing::detail
