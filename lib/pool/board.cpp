#include "pool/board.hpp"

#include <unistd.h>

#include "base/interruption.hpp"
#include "pool/current_worker.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t first_job_link = 3;

constexpr std::size_t seats_at =
    (sizeof(Board) + alignof(SeatRecord) - 1) / alignof(SeatRecord) * alignof(SeatRecord);

}  // namespace

Handle make_board(std::uint32_t seats, const WorkerLimits& limits) {
  Handle board = Handle::make(seats_at + seats * sizeof(SeatRecord),
                              first_job_link + job_places + task_orders * rings_per_order +
                                  ranked_blocks + 1 + most_segments);
  auto& at = *board.as<Board>();
  at.limits = limits;
  at.seats = seats;
  at.maker = getpid();
  at.seed = next_pool_seed();
  pthread_sigmask(SIG_SETMASK, nullptr, &at.signal_mask);
  struct sigaction action {};
  (void)sigaction(SIGTERM, nullptr, &action);
  const bool ignored =
      action.sa_handler == SIG_IGN || (ignored_but_caught() >> (SIGTERM - 1) & 1) != 0;
  at.deaf_to_sigterm = ignored || sigismember(&at.signal_mask, SIGTERM) == 1;
  return board;
}

std::span<SeatRecord> seats_of(const Handle& board) {
  auto* at = board.as<std::byte>();
  return {reinterpret_cast<SeatRecord*>(at + seats_at), board.as<Board>()->seats};
}

std::span<SeatRecord> used_seats(const Handle& board) {
  return seats_of(board).first(board.as<Board>()->used.load());
}

void clear_seat(SeatRecord& seat) {
  seat.name.store(0);
  seat.member.store(0);
  seat.serves.store(0);
  seat.finished.store(0);
  seat.leaving.store(0);
  seat.idle.store(0);
  seat.successor.store(Successor::not_wanted);
  seat.at.store(0);
  seat.ending.store(0);
  seat.busy.store(0);
  seat.busy_since.store(0);
  seat.stop.clear();
  seat.until.store(0);
}

Link& initializer_link(const Handle& board) { return links_of(board)[0]; }

Link& end_link(const Handle& board) { return links_of(board)[1]; }

Link& visit_link(const Handle& board) { return links_of(board)[2]; }

std::span<Link> job_links(const Handle& board) {
  return links_of(board).subspan(first_job_link, job_places);
}

std::span<Link> ring_links(const Handle& board, TaskOrders order) {
  return links_of(board).subspan(first_job_link + job_places + order * rings_per_order,
                                 rings_per_order);
}

std::span<Link> ranked_links(const Handle& board) {
  return links_of(board).subspan(first_job_link + job_places + task_orders * rings_per_order,
                                 ranked_blocks);
}

Link& tokens_link(const Handle& board) { return *(ranked_links(board).data() + ranked_blocks); }

std::span<Link> segment_links(const Handle& board) { return links_of(board).last(most_segments); }

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace multiprocessing::detail
