#include "pool/worker_end.hpp"

#include <exception>
#include <utility>

#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/detail/codec/exception.hpp"
#include "multiprocessing/pool/this_worker.hpp"
#include "pool/board.hpp"
#include "pool/outcome.hpp"

namespace multiprocessing::detail {
namespace {

void call_at_end(const Link& link) {
  if (link.load() == 0) return;
  const Envelope::Reading reading(links_of(link));
  Reader reader = results_in(link);
  read_value<Function<void()>>(reader)();
}

}  // namespace

void leave_for_the_end(const Handle& board, const Function<void()>& call) {
  if (!call) return;
  Envelope mentioned;
  Writer writer;
  {
    const Envelope::Writing writing{mentioned};
    write_value(writer, call);
  }
  if (!mentioned.ends().empty())
    throw SerializationError(
        "at_worker_end cannot hold the end of a pipe or socket, for the first worker that ends "
        "would take it: give it to the initializer, which keeps it by this_worker::set_state");
  outcome_block(Outcome::results, writer, mentioned).give_to(end_link(board));
}

void end_well(const Handle& board) {
  try {
    call_at_end(end_link(board));
  } catch (...) {
    const std::exception_ptr thrown = std::current_exception();
    if (thrown == nullptr) throw;  // pthread_exit
    get_logger().warning("at_worker_end of a pool threw: " + describe_exception(thrown));
  }
  kept_state() = {};
}

}  // namespace multiprocessing::detail
