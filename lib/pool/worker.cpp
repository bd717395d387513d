// A worker: takes jobs from the board and their chunks from the jobs until the pool closes.
#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "arena/event_count.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/pool/pool.hpp"
#include "pool/board.hpp"
#include "pool/current_task.hpp"
#include "pool/current_worker.hpp"
#include "pool/outcome.hpp"
#include "pool/pool_core.hpp"
#include "pool/seat_clock.hpp"
#include "pool/task_worker.hpp"
#include "pool/visits.hpp"
#include "pool/worker_end.hpp"
#include "pool/worker_limits.hpp"
#include "pool/worker_signals.hpp"
#include "pool/worker_start.hpp"

namespace multiprocessing::detail {
namespace {

/// What a worker is, for as long as it serves.
struct WorkerState {
  const Handle& board;
  std::uint32_t name;
  std::size_t index;
  WorkerAccount account;
  std::uint32_t visits = 0;  // of its pool, up to now
  SeatRecord& seat;
  TaskWorker* tasks = nullptr;
  std::uint64_t calls_seen = 0;  // to look for ranked tasks, before it did

  struct Exhausted {
    std::uint64_t serial;
    std::uint32_t offers;  // of the job, when it looked
  };
  std::vector<Exhausted> exhausted = {};  // jobs in which it found nothing more

  [[nodiscard]] Board& at() const { return *board.as<Board>(); }
};

}  // namespace

/// One job while a worker is at it.
class WorkerJob::Impl {
 public:
  Impl(WorkerState& worker, const Handle& job)
      : worker_(worker),
        job_(job),
        header_(*job.as<JobHeader>()),
        handles_(links_of(job).subspan(first_handle_link, header_.handles)),
        writing_(mentioned) {}

  [[nodiscard]] JobHeader& header() const { return header_; }
  [[nodiscard]] std::uint32_t offers_seen() const { return scanned_; }

  std::optional<Chunk> next() {
    if (header_.stopped.load(std::memory_order_relaxed) != 0 || worker_.account.spent()) return {};
    // Not before the first chunk, or the map would stand still where calls come thick and fast.
    if (!std::exchange(first_, false) && gives_way()) return {};
    while (header_.cursor.load(std::memory_order_relaxed) < header_.chunks) {
      const std::uint32_t index = header_.cursor.fetch_add(1, std::memory_order_relaxed);
      fail_point("pool.chunk.after_propose");
      if (index < header_.chunks && claim(index)) return chunk(index);
    }
    return next_reoffered();
  }

  /// The caller is told once for all chunks, by JobInWorker::run().
  void end(const Chunk& chunk, std::uint32_t state) {
    fail_point("pool.chunk.before_end");
    elements_.reset();
    worker_.account.count_task();
    SeatRecord::count(state == chunk_done ? worker_.seat.done : worker_.seat.failed);
    header_.word(chunk.index).store(state, std::memory_order_release);  // the commit
    fail_point("pool.chunk.after_end");
  }

  void deliver(const Chunk& chunk, Block block) {
    Link& link = links_of(job_)[header_.result_link + chunk.index];
    if (link.load() != 0) release(link);  // of one who died before he could end the chunk
    fail_point("pool.result.before_give");
    std::move(block).give_to(link);
  }

  /// A job without results as bytes keeps one exception: of the first who comes with one.
  void deliver_only_exception(const std::exception_ptr& exception) {
    std::uint32_t seen = 0;
    if (!header_.error_claim.compare_exchange_strong(seen, worker_.name)) return;
    Link& link = links_of(job_)[error_link];
    release(link);
    fail_point("pool.error.before_give");
    exception_block(exception).give_to(link);
  }

  /// Those in the elements of a chunk may be asked for until it is over.
  void expect_ends(std::uint64_t ticket) {
    elements_.reset();
    if (ticket != 0) elements_.emplace(links_of(job_).subspan(first_handle_link + ticket - 1, 1));
  }

  Writer writer;
  Envelope mentioned;  // by what is in the writer

 private:
  /// Whether something may have come whose turn is before this job's.
  [[nodiscard]] bool gives_way() {
    if (worker_.at().ranked.calls.load(std::memory_order_relaxed) != worker_.calls_seen)
      return true;
    return header_.turn.priority < 0 && worker_.tasks->next_in_order().has_value();
  }

  bool claim(std::uint32_t index) {
    std::uint32_t seen = chunk_free;
    const bool mine =
        header_.word(index).compare_exchange_strong(seen, worker_.name, std::memory_order_acquire);
    if (!mine) return false;
    fail_point("pool.chunk.after_claim");
    worker_.account.begin_task();
    return true;
  }

  /// Past the end of the cursor: chunks that a death has set free, and proposals never claimed.
  std::optional<Chunk> next_reoffered() {
    for (;;) {
      if (!scanning_) {
        const std::uint32_t offers = header_.offers.load();
        if (offers == scanned_) return {};
        scanning_ = offers;
        scan_at_ = 0;
      }
      for (; scan_at_ < header_.chunks; ++scan_at_)
        if (header_.word(scan_at_).load(std::memory_order_relaxed) == chunk_free && claim(scan_at_))
          return chunk(scan_at_);
      // Those offered since the scan began may lie behind it: they are for the next round.
      scanned_ = *std::exchange(scanning_, std::nullopt);
    }
  }

  [[nodiscard]] Chunk chunk(std::uint32_t index) const {
    return {index, header_.first_item(index), header_.items_in(index)};
  }

  WorkerState& worker_;
  const Handle& job_;
  JobHeader& header_;
  const IncomingHandles handles_;  // of the callable and all elements
  const Envelope::Writing writing_;
  std::optional<Envelope::Reading> elements_;  // of a chunk with ends among them
  std::uint32_t scanned_ = 0;                  // which offer was last looked through to its end
  std::optional<std::uint32_t> scanning_;      // which is being looked through, up to scan_at_
  std::uint32_t scan_at_ = 0;
  bool first_ = true;  // no chunk has been asked for
};

Reader WorkerJob::callable() const {
  JobHeader& job = impl_.header();
  Reader reader(std::span{job.at<const std::byte>(job.layout.bytes_at), job.callable_bytes});
  static_cast<void>(read_function(reader));  // the runner, which we are in
  return reader;
}

std::optional<WorkerJob::Chunk> WorkerJob::next() { return impl_.next(); }

const void* WorkerJob::input() const {
  return impl_.header().at<void>(impl_.header().layout.input_at);
}

void* WorkerJob::results() const {
  return impl_.header().at<void>(impl_.header().layout.results_at);
}

Reader WorkerJob::input_bytes(const Chunk& chunk) const {
  JobHeader& job = impl_.header();
  if (job.shape.input != Storage::as_bytes) return Reader(std::span<const std::byte>{});
  const auto* elements = job.at<const ChunkElements>(job.layout.index_at) + chunk.index;
  impl_.expect_ends(elements->ticket);
  return Reader(std::span{job.at<const std::byte>(job.layout.bytes_at + elements[0].begin),
                          elements[1].begin - elements[0].begin});
}

Writer& WorkerJob::result_writer() { return impl_.writer; }

void WorkerJob::finish(const Chunk& chunk) {
  if (impl_.header().shape.result == Storage::as_bytes) {
    impl_.deliver(chunk, outcome_block(Outcome::results, impl_.writer, impl_.mentioned));
    impl_.writer.clear();
    impl_.mentioned.clear();
  }
  impl_.end(chunk, chunk_done);
}

void WorkerJob::fail(const Chunk& chunk, const std::exception_ptr& exception) noexcept {
  impl_.writer.clear();
  impl_.mentioned.clear();
  try {
    if (impl_.header().shape.result == Storage::as_bytes)
      impl_.deliver(chunk, exception_block(exception));
    else
      impl_.deliver_only_exception(exception);
  } catch (...) {
    // No memory for it, or it cannot be copied: the caller is told that a task threw, not what.
    impl_.writer.clear();
  }
  impl_.end(chunk, chunk_threw);
}

/// Runs a job and says what it leaves behind.
class JobInWorker {
 public:
  static void run(WorkerState& worker, const Handle& handle) {
    WorkerJob::Impl impl(worker, handle);
    WorkerJob job(impl);
    JobHeader& header = impl.header();
    try {
      Reader bytes(
          std::span{header.at<const std::byte>(header.layout.bytes_at), header.callable_bytes});
      const auto runner = reinterpret_cast<MapRunner>(read_function(bytes));
      const CurrentCall call(header.call);
      runner(job);
    } catch (...) {
      const std::exception_ptr exception = std::current_exception();
      if (exception == nullptr) throw;  // pthread_exit
      // The callable cannot be read here: every chunk fails with that.
      while (const auto chunk = job.next()) job.fail(*chunk, exception);
    }
    std::erase_if(worker.exhausted,
                  [&](const auto& each) { return each.serial == header.turn.serial; });
    worker.exhausted.push_back({header.turn.serial, impl.offers_seen()});
    // After the last chunk that it found: so the last worker to come here has seen all of them end.
    header.progress.notify_all();
  }
};

namespace {

bool has_work(const WorkerState& worker, JobHeader& job) {
  if (job.cursor.load(std::memory_order_relaxed) < job.chunks) return true;
  for (const auto& each : worker.exhausted)
    if (each.serial == job.turn.serial) return each.offers != job.offers.load();
  return job.offers.load() != 0;
}

/// What the board shows.
struct Look {
  Handle job;         // whose turn it is, with chunks to take; held while the pool may take it down
  bool empty = true;  // nobody waits for any
};

/// A worker that has a task in hand does not wait for the lock, whose holder may be stopped, and
/// takes no hold of a job that comes after that task.
Look look_at_board(WorkerState& worker, const std::optional<Turn>& before) {
  Look look;
  if (worker.at().posted.load() == 0) return look;
  OwnerLock& lock = worker.at().lock;
  const OwnerLock::Taken taken = before ? lock.try_acquire() : lock.acquire();
  if (taken == OwnerLock::Taken::not_in_time) return look;
  const OwnerGuard guard{lock, taken};
  fail_point("pool.pick.holding");
  const Link* first = nullptr;
  Turn turn;
  std::vector<WorkerState::Exhausted> posted;
  for (const Link& link : job_links(worker.board)) {
    auto* job = static_cast<JobHeader*>(body_of(link));
    if (job == nullptr) continue;
    for (const auto& each : worker.exhausted)
      if (each.serial == job->turn.serial) posted.push_back(each);
    if (job->stopped.load() != 0) continue;
    look.empty = false;
    if (!has_work(worker, *job) || (first != nullptr && turn < job->turn)) continue;
    first = &link;
    turn = job->turn;
  }
  worker.exhausted = std::move(posted);  // forget those that were taken down
  if (first != nullptr && (!before || turn < *before)) look.job = handle_from(*first);
  return look;
}

/// The pool's death ends this wait with the worker: it is killed with its parent.
void sleep_for_work(EventCount& news, std::uint32_t key, const Deadline& deadline) {
  Wait wait{back_off::messages, "a worker of a Pool", &news.looks()};
  while (news.key() == key && !deadline.passed()) news.wait(wait, key, deadline);
}

/// A worker that the pool could not see start is never given the seat: it is about to be killed.
/// One that is to follow another waits until that one has left, which may be waiting for it.
void await_seat(const WorkerState& worker, const Member& me) {
  EventCount& news = worker.at().news;
  auto wanted = Successor::wanted;
  if (worker.seat.successor.compare_exchange_strong(wanted, Successor::ready)) {
    fail_point("pool.successor.ready");
    news.notify_all();
  }
  for (;;) {
    const std::uint32_t key = news.key();
    if (worker.seat.member.load() == me.packed()) break;
    sleep_for_work(news, key, Deadline::never());
  }
  fail_point("pool.worker.seated");
}

/// Runs the task that alone may run now, or sleeps until all may again.
void serve_alone(WorkerState& worker, TaskWorker& tasks, std::uint64_t alone, std::uint32_t key) {
  if (alone > none_may_run && tasks.may_begin(TaskName{alone})) {
    SeatClock::has_work(worker.seat);
    worker.account.begin_task();
    if (tasks.run_alone(TaskName{alone})) worker.account.count_task();
  }
  SeatClock::has_none(worker.seat);
  sleep_for_work(worker.at().news, key, Deadline::never());
}

/// Does what comes first, or sleeps until there is something; false when it is to leave.
bool serve_once(WorkerState& worker, TaskWorker& tasks) {
  Board& at = worker.at();
  const std::uint32_t key = at.news.key();
  if (at.visits.load(std::memory_order_relaxed) != worker.visits)
    worker.visits = make_visits(worker.board, worker.index, worker.visits);
  if (worker.account.spent()) return false;
  if (const std::uint64_t alone = at.alone.load()) {
    serve_alone(worker, tasks, alone, key);
    return true;
  }
  const bool closing = at.state.load() == BoardState::closing;
  worker.calls_seen = at.ranked.calls.load();
  const auto next = tasks.next();
  const Look look = look_at_board(worker, next ? std::optional{next->turn} : std::nullopt);
  if (look.job || next) SeatClock::has_work(worker.seat);
  if (at.alone.load() != all_may_run) return true;  // after it says that it has work
  if (look.job) {
    JobInWorker::run(worker, look.job);
  } else if (next) {
    worker.account.begin_task();
    if (tasks.run(*next)) worker.account.count_task();
  } else if (look.empty && closing && !tasks.any_held_up()) {
    return false;
  } else {
    if (worker.account.idle_for_too_long()) return false;
    SeatClock::has_none(worker.seat);
    sleep_for_work(at.news, key, worker.account.awake_by());
  }
  return true;
}

void serve_to_the_end(const Handle& board, int seat, const std::function<void()>& initialise) {
  leave_interrupts_to_the_pool();
  pthread_sigmask(SIG_SETMASK, &board.as<Board>()->signal_mask, nullptr);
  PoolCore::forget_inherited_jobs();
  fail_point("pool.worker.begun");
  const Member me = self();
  SeatRecord& record = seats_of(board)[static_cast<std::size_t>(seat)];
  CurrentTask::asked_by(record.stop);
  WorkerState worker{.board = board,
                     .name = OwnerLock::name_of(me),
                     .index = static_cast<std::size_t>(seat),
                     .account = {*board.as<Board>(), record, static_cast<std::size_t>(seat)},
                     .seat = record};
  take_share(record.share, seat);
  become_worker(seat, record.number.load(), board.as<Board>()->seed);
  if (!initialised(board, worker.account, initialise)) throw Exit{1};
  await_seat(worker, me);
  worker.visits = make_visits(board, worker.index, 0);
  record.serves.store(1);
  TaskWorker tasks{board, record, worker.name};
  worker.tasks = &tasks;
  while (serve_once(worker, tasks)) {
  }
  record.serves.store(SeatRecord::left);
  end_well(board);
}

}  // namespace

// A forced unwinding has no object, so the reference in its handler is null.
__attribute__((no_sanitize("undefined"))) void serve(const Handle& board, int seat,
                                                     const std::function<void()>& initialise) {
  try {
    serve_to_the_end(board, seat, initialise);
  } catch (abi::__forced_unwind&) {
    // By pthread_exit. A thread that a task has started would keep the process, and with it what
    // the worker had in hand, for as long as it likes.
    std::exit(0);
  }
}

}  // namespace multiprocessing::detail
