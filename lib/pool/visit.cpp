// A call in every worker, in the process of the pool.
#include "multiprocessing/detail/visit.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "arena/event_count.hpp"
#include "pool/outcome.hpp"
#include "pool/pool_core.hpp"
#include "pool/visits.hpp"

namespace multiprocessing::detail {

class Visit::Impl {
 public:
  explicit Impl(PoolCore& pool) : pool_(pool), writing_(std::in_place, mentioned_) {}

  [[nodiscard]] Writer& writer() { return writer_; }

  void run(void (*read)(void* state, Reader& reader), void* state) {
    writing_.reset();
    if (!mentioned_.ends().empty())
      throw SerializationError(
          "for_each_worker cannot send the end of a pipe or socket, for the first worker would "
          "take "
          "it: give it to the initializer");
    const Handle visit = pool_.post_visit(outcome_block(Outcome::results, writer_, mentioned_));
    Handle results = handle_from(links_of(visit)[visit_results_link]);
    struct AtTheEnd {
      ~AtTheEnd() { pool.end_visit(visit); }
      PoolCore& pool;
      const Handle& visit;
    } const at_the_end{pool_, visit};
    for (const std::size_t seat : pool_.await_visit(results))
      read_one(links_of(results)[seat], read, state);
  }

 private:
  static void read_one(const Link& link, void (*read)(void*, Reader&), void* state) {
    if (is_exception(link)) std::rethrow_exception(exception_in(link));
    const Envelope::Reading reading(links_of(link));
    Reader reader = results_in(link);
    read(state, reader);
  }

  PoolCore& pool_;
  Writer writer_;
  Envelope mentioned_;
  std::optional<const Envelope::Writing> writing_;
};

Visit::Visit(PoolCore& pool, TaskRunner runner) {
  pool.check_open();
  impl_ = std::make_unique<Impl>(pool);
  write_function(impl_->writer(), any_function(runner));
}

Visit::~Visit() = default;

Writer& Visit::writer() { return impl_->writer(); }

void Visit::run(void (*read)(void* state, Reader& reader), void* state) { impl_->run(read, state); }

// ---- the pool's part

Handle PoolCore::post_visit(Block call) {
  const std::scoped_lock one_at_a_time{visiting_};
  check_open();
  Board& board = *board_.as<Board>();
  const std::size_t seats = seats_of(board_).size();
  Handle visit = Handle::make(sizeof(VisitHeader), visit_links);
  visit.as<VisitHeader>()->number = board.visits.load() + 1;
  hold(links_of(visit)[visit_results_link],
       Handle::make(sizeof(VisitResults) + seats * sizeof(std::uint32_t), seats));
  std::move(call).give_to(links_of(visit)[visit_call_link]);
  if (last_visit_) hold(links_of(visit)[visit_before_link], last_visit_);
  {
    // As in retire(): without the mutex.
    const OwnerGuard whole{board.lock};
    Link& link = visit_link(board_);
    if (link.load() != 0) release(link);
    hold(link, visit);
  }
  last_visit_ = visit;
  board.visits.fetch_add(1);
  board.ranked.calls.fetch_add(1);  // workers that are at a map leave it for the board
  board.news.notify_all();
  return visit;
}

/// The results go; workers that come later only make the call.
void PoolCore::end_visit(const Handle& visit) noexcept {
  try {
    // As in retire(): without the mutex.
    const OwnerGuard whole{board_.as<Board>()->lock};
    release(links_of(visit)[visit_results_link]);
  } catch (const std::exception&) {
    // The others took this process for dead, and have given them back.
  }
}

/// Whether the seat has a worker, or is to have one without more work.
bool PoolCore::is_manned(std::size_t seat) const {
  const Seat& at = seats_[seat];
  return !at.ended ||
         (worker_wanted() && !at.vacant && seat < static_cast<std::size_t>(processes()));
}

std::vector<std::size_t> PoolCore::await_visit(Handle& results) {
  auto& header = *results.as<VisitResults>();
  std::vector<std::size_t> seats;
  {
    const std::scoped_lock guard{mutex_};
    visits_.push_back(&results);
    for (std::size_t seat = 0; seat < seats_.size(); ++seat)
      if (is_manned(seat)) seats.push_back(seat);
  }
  const auto over = [&] {
    const std::scoped_lock guard{mutex_};
    std::erase_if(seats, [&](std::size_t seat) {
      return header.done(seat).load() == 0 && !broken_ && !is_manned(seat);
    });
    if (broken_ || state_ == State::terminated) return true;
    return std::ranges::all_of(seats,
                               [&](std::size_t seat) { return header.done(seat).load() != 0; });
  };
  const auto forget = [&] {
    const std::scoped_lock guard{mutex_};
    std::erase(visits_, &results);
  };
  try {
    for (Wait wait{back_off::messages, "Pool.for_each_worker"};;) {
      const std::uint32_t key = header.progress.key();
      if (over()) break;
      header.progress.wait(wait, key, Deadline::never());
    }
  } catch (...) {
    forget();
    throw;
  }
  forget();
  const std::scoped_lock guard{mutex_};
  if (broken_) std::rethrow_exception(broken_);
  if (state_ == State::terminated) throw ProcessError("the pool was terminated");
  return seats;
}

void PoolCore::stir_visits() {
  for (const Handle* results : visits_) results->as<VisitResults>()->progress.notify_all();
}

}  // namespace multiprocessing::detail
