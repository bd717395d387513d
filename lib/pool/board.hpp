// What a pool and its workers share: the board on which jobs are posted, and the jobs.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "arena/family.hpp"
#include "arena/message_handles.hpp"
#include "arena/owner_lock.hpp"
#include "multiprocessing/detail/event_count.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/detail/map_job.hpp"
#include "multiprocessing/detail/stop_word.hpp"
#include "pool/ranked_order.hpp"
#include "pool/task_order.hpp"
#include "pool/worker_share.hpp"

namespace multiprocessing::detail {

inline constexpr std::size_t job_places = 64;  // jobs at one time; more callers wait for a place
inline constexpr std::size_t most_segments = 2048;  // of records of tasks
inline constexpr int least_seats = 1024;            // of any pool, for when it grows

/// Tasks that a death has set free again go before those that were submitted.
enum TaskOrders : std::size_t { returned, submitted, task_orders };

enum class BoardState : std::uint32_t { open, closing };

/// Why there is no point in another worker; 0: there is.
enum FailedInitializer : std::uint32_t { failed_by_itself = 1, failed_by_size };

/// What has a worker leave, beside the end of the pool; 0: nothing.
struct WorkerLimits {
  std::uint32_t tasks = 0;
  std::uint32_t idle_from = 0;  // the seat from which on they leave for having nothing to do
  std::uint64_t idle = 0;       // nanoseconds
  std::uint64_t age = 0;        // nanoseconds
  std::uint64_t rss = 0;        // bytes
};

/// Whether workers begin what they find; above these: only the task of that name.
enum AloneState : std::uint64_t { all_may_run, none_may_run };

/// Of a worker that is to be replaced while it serves still.
enum class Successor : std::uint32_t {
  not_wanted,
  wanted,  // by the worker: it is in its last task, or beyond a limit
  ready    // its initializer has returned, and it waits for the seat
};

/// A worker's entry. The pool writes its name there once it has seen the worker start, which claims
/// nothing before that: so the claims of each worker can be told from those of others after its
/// death, and no worker claims that the pool does not know of.
struct alignas(64) SeatRecord {
  static constexpr std::uint32_t left = 2;  // it has done what it was to do

  std::atomic<std::uint32_t> name;      // as it stands in chunk words
  std::atomic<std::uint32_t> serves;    // 1 once its initializer has returned, then `left`
  std::atomic<std::uint32_t> finished;  // 1 once it has finished a task
  std::atomic<std::uint32_t> leaving;   // 1: it is to leave, for the pool becomes smaller
  std::atomic<std::uint32_t> idle;      // 1: it leaves, for there was nothing to do
  std::atomic<Successor> successor;
  std::atomic<std::uint32_t> number;  // of all workers of the pool, from 1
  std::atomic<std::uint64_t> member;  // of the worker that has the seat
  std::atomic<std::uint64_t> at;      // the TaskName that it takes, or took last; 0: none yet
  std::atomic<std::uint64_t> ending;  // of the followed task that it ends, or ended last
  StopWord stop;                      // the TaskName of what is asked to stop
  std::atomic<std::uint32_t> output;  // OutputFiles: the pool's descriptor and 1; 0: none yet
  WorkerShare share;                  // of the machine; written before the worker is started

  // When the task in `at` is to be over, if it has limits; written before it and after its start.
  std::atomic<std::int64_t> until;

  // Counted by the worker alone. One that is killed just before a task's end may have counted it.
  std::atomic<std::uint64_t> done;
  std::atomic<std::uint64_t> failed;
  std::atomic<std::int64_t> busy;        // nanoseconds, up to when it last had no work
  std::atomic<std::int64_t> busy_since;  // 0: it has none

  /// One more, or one less.
  static void count(std::atomic<std::uint64_t>& counter, std::int64_t by = 1) {
    counter.store(counter.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(by),
                  std::memory_order_relaxed);
  }
};

/// An object of the arena, held by the pool and by each worker. Its links: the exception of an
/// initializer, what is called at a worker's end, the last visit, the jobs that are posted, the
/// rings of the orders, the blocks of ranked tasks, the tokens, the segments of records. Only the
/// pool posts and takes down; `lock` keeps a job from going between a worker's look and its hold. A
/// holder that dies leaves nothing half done.
struct Board {
  EventCount news;  // workers without work sleep here
  std::atomic<BoardState> state;
  std::atomic<std::uint32_t> failed_initializer;  // how; its exception is in the first link
  WorkerLimits limits;
  std::uint32_t token_kinds;
  RankedOrder ranked;
  std::uint32_t seats;
  std::atomic<std::uint32_t> used;  // seats: those behind have had no worker
  std::uint64_t seed;
  pid_t maker;           // the pool's process
  int bell;              // its descriptor that has the watcher look again
  sigset_t signal_mask;  // of who made the pool: workers take it on, whoever starts them
  bool deaf_to_sigterm;  // workers begin with it blocked or ignored
  OwnerLock lock;
  std::atomic<std::uint32_t> posted;  // jobs: without any, workers need not look for them
  std::atomic<std::uint32_t> visits;  // calls so far that every worker makes
  std::atomic<std::uint64_t> alone;   // AloneState, or the TaskName that alone may run
  std::atomic<std::uint32_t> vacant;  // seats whose workers have left for having nothing to do
  TaskOrder orders[task_orders];

  // Followed tasks that have ended, the last one first, by record and 1; 0: none. Workers add one,
  // the pool takes all.
  alignas(64) std::atomic<std::uint32_t> ended;
  EventCount ends;  // the pool's threads that follow tasks sleep here
  // Followed by a SeatRecord for each seat.
};

[[nodiscard]] Handle make_board(std::uint32_t seats, const WorkerLimits& limits);
[[nodiscard]] std::span<SeatRecord> seats_of(const Handle& board);

/// Those that have had a worker; raised before that is started.
[[nodiscard]] std::span<SeatRecord> used_seats(const Handle& board);

/// For the next worker; the one before has ended.
void clear_seat(SeatRecord& seat);

[[nodiscard]] Link& initializer_link(const Handle& board);
[[nodiscard]] Link& end_link(const Handle& board);
[[nodiscard]] Link& visit_link(const Handle& board);
[[nodiscard]] std::span<Link> job_links(const Handle& board);
[[nodiscard]] std::span<Link> ring_links(const Handle& board, TaskOrders order);
[[nodiscard]] std::span<Link> ranked_links(const Handle& board);
[[nodiscard]] Link& tokens_link(const Handle& board);
[[nodiscard]] std::span<Link> segment_links(const Handle& board);

/// The next place in the order of tasks and jobs.
[[nodiscard]] std::uint64_t next_serial();

// A chunk's word: one of these, or the name of the worker that has it, which is above all of them.
inline constexpr std::uint32_t chunk_free = 0;
inline constexpr std::uint32_t chunk_done = 1;
inline constexpr std::uint32_t chunk_threw = 2;
inline constexpr std::uint32_t chunk_lost = 3;
inline constexpr std::uint32_t first_name = 4;

[[nodiscard]] constexpr bool over(std::uint32_t word) {
  return word != chunk_free && word < first_name;
}

/// An entry of the index: the elements of one chunk that go as bytes.
struct ChunkElements {
  std::uint64_t begin;   // among the bytes
  std::uint64_t ticket;  // which of the job's handles keeps the ends of pipes in them, from 1; or 0
};

/// Where the parts of a job lie: offsets from the start of its header.
struct JobLayout {
  std::uint64_t words_at;
  std::uint64_t bytes_at;  // callable, then the elements that go as bytes
  std::uint64_t index_at;  // a ChunkElements per chunk, and one more
  std::uint64_t input_at;
  std::uint64_t results_at;
};

/// An object of the arena. Its links: the exception of a job without results as bytes, the handles
/// that callable and elements mention, and for results as bytes one block per chunk.
///
/// The cursor only proposes a chunk; the claim is the compare-and-swap of the chunk's word from
/// free to the worker's name, and the end a store. Chunks of the dead are lost or offered again.
struct JobHeader {
  Turn turn;
  std::uint32_t call;  // which one on its pool
  MapShape shape;
  std::uint64_t chunk_size;
  std::uint32_t chunks;
  std::uint32_t handles;
  std::uint64_t callable_bytes;  // the runner's function id and the callable
  JobLayout layout;
  std::uint32_t result_link;               // of chunk 0
  std::atomic<std::uint32_t> error_claim;  // whose exception goes into the first link
  alignas(64) std::atomic<std::uint32_t> cursor;
  alignas(64) std::atomic<std::uint32_t> offers;  // raised when chunks are to be looked for again
  EventCount progress;  // the caller sleeps here until something may have come to an end
  std::atomic<std::uint32_t> stopped;  // no more chunks are to be started

  template <class T>
  [[nodiscard]] T* at(std::uint64_t offset) {
    return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(this) + offset);
  }
  [[nodiscard]] std::atomic<std::uint32_t>& word(std::uint32_t chunk) {
    return at<std::atomic<std::uint32_t>>(layout.words_at)[chunk];
  }
  [[nodiscard]] std::size_t first_item(std::uint32_t chunk) const { return chunk * chunk_size; }
  [[nodiscard]] std::size_t items_in(std::uint32_t chunk) const {
    const std::size_t rest = shape.items - first_item(chunk);
    return rest < chunk_size ? rest : chunk_size;
  }
};

inline constexpr std::uint32_t error_link = 0;
inline constexpr std::uint32_t first_handle_link = 1;

}  // namespace multiprocessing::detail
