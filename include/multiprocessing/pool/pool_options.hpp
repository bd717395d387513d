// PoolOptions, MapOptions: what may be said about a pool and about one map.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/pool/progress.hpp"
#include "multiprocessing/process/context.hpp"
#include "multiprocessing/reduction/function.hpp"

namespace multiprocessing {

/// What the death of a worker costs, when it does not end by itself.
enum class OnWorkerDeath {
  fail_task,   // the task or chunk that it had; another worker takes its place
  break_pool,  // all that is not done: the pool is broken, as Python's executor is
};

/// What may be said about a pool; Python's keyword arguments of `Pool`.
struct PoolOptions {
  /// How many workers, at least 1. None: `cpu_count()`; in a task, its worker's share of what the
  /// pools around it have left, but at least 1.
  std::optional<int> processes = {};

  /// A worker is replaced by a fresh one after this many tasks, where a chunk of a map is one task.
  /// That one is started when the last of them begins. None: workers live as long as the pool.
  std::optional<int> maxtasksperchild = {};

  /// The start method of the workers. None: the program's.
  std::optional<Context> context = {};

  /// With break_pool every call throws `BrokenProcessPool` once a worker has died.
  OnWorkerDeath on_worker_death = OnWorkerDeath::fail_task;

  /// How long a worker may take from its start until its initializer has returned. One that takes
  /// longer is killed, and the pool is broken: every call throws `TimeoutError` with its name.
  Timeout initializer_timeout = Timeout::infinite;

  /// A worker that has had nothing to do for so long leaves. It comes back when there
  /// is more to do than those that are left have begun.
  Timeout idle_timeout = Timeout::infinite;

  /// So many of them stay nevertheless, those with the lowest indexes; at most `processes`.
  int min_processes = 0;

  /// A worker older than this is replaced by a fresh one, after the task that it has in hand when
  /// that one has run its initializer.
  Timeout max_age = Timeout::infinite;

  /// So is one whose resident memory has grown beyond so many bytes. 0: no limit. When a fresh
  /// worker is larger already, the pool is broken: every call throws `BrokenProcessPool`.
  std::size_t max_rss = 0;

  /// How many tasks of `apply_async` may be pending, that is, not have ended: a further call waits
  /// until one has, and throws when the pool ends before. 0: any number. Chunks of maps and
  /// iterations do not count; for these see `MapOptions::buffersize`.
  std::size_t max_pending = 0;

  /// Scarce things and how many there are, at least 1 of each, such as `{{"gpu", 1}}`. A task
  /// takes what its `tokens` say for as long as it runs.
  std::map<std::string, int> tokens = {};

  /// Each worker runs on one processor alone, which is that of its index.
  bool pin = false;

  /// Logs a warning when the last handle of a result goes that has failed and that no thread has
  /// looked at: what went wrong, and where the task was submitted.
  bool log_unseen_failures = true;

  /// Called in each worker that ends well: when the pool is closed, and when the worker has done
  /// its tasks. Not in one that is killed, `terminate` included. What it throws is logged.
  Function<void()> at_worker_end = {};
};

/// What may be said about one map or iteration.
struct MapOptions {
  /// How many elements a worker takes at a time, at least 1. None: a fourth of what each worker
  /// would get; for `imap` and `imap_unordered` 1. Small chunks balance better; a chunk is also
  /// what is lost when its worker dies.
  std::optional<int> chunksize = {};

  /// A bar on standard error, when that is a terminal, or something to call with what is done.
  Progress progress = false;

  /// How often a chunk is given to another worker when the one that had it died. For functions that
  /// may run twice for the same element.
  int retries = 0;

  /// For `imap` and `imap_unordered`: how many elements may have been drawn from the input whose
  /// results have not been read, at least 1. None: all of a range that knows its size, which are
  /// drawn at the call; of others four times as many as there are workers.
  std::optional<std::size_t> buffersize = {};

  /// How long the whole call may take, Python's `timeout` of `executor.map`. What has not begun by
  /// then never does, the workers of what runs are killed and replaced, and the chunks concerned
  /// are `TimeoutError`: out of `map`, out of `get`, and out of `next` each in its turn.
  Timeout timeout = Timeout::infinite;

  /// How long each element may take from its start. Then its worker is killed and replaced, and its
  /// chunk is `TimeoutError`. A time of zero or less, here and above, has passed already. With
  /// either time `map` sends each chunk as a task of its own, as `map_async` does.
  Timeout task_timeout = Timeout::infinite;

  /// What has a higher one comes first, also between the chunks of a map that runs; of equal ones
  /// what came first. Any number.
  int priority = 0;
};

}  // namespace multiprocessing
