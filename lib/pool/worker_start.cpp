#include "pool/worker_start.hpp"

#include <exception>
#include <utility>

#include "base/fail_point.hpp"
#include "pool/board.hpp"
#include "pool/outcome.hpp"

namespace multiprocessing::detail {

bool initialised(const Handle& board, const WorkerAccount& account,
                 const std::function<void()>& initialise) {
  FailedInitializer failed = failed_by_itself;
  try {
    if (initialise) initialise();
    failed = failed_by_size;
    account.check_fresh();
    return true;
  } catch (...) {
    const std::exception_ptr thrown = std::current_exception();
    if (thrown == nullptr) throw;  // pthread_exit
    Block exception = exception_block(thrown);
    Board& at = *board.as<Board>();
    const OwnerGuard guard{at.lock};
    if (at.failed_initializer.load() == 0) {
      release(initializer_link(board));  // of one who died right here
      std::move(exception).give_to(initializer_link(board));
      fail_point("pool.initializer.before_mark");
      at.failed_initializer.store(failed);
    }
    return false;
  }
}

}  // namespace multiprocessing::detail
