// SubmitOptions: what may be said of one task.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/base/timeout.hpp"

namespace multiprocessing {

/// What may be said of one task, beside its callbacks.
struct SubmitOptions {
  /// How long the task may run, counted from its start. Then its worker is killed, with the
  /// processes that the task has started, and replaced; the result throws `TimeoutError`.
  Timeout timeout = Timeout::infinite;

  /// By when the task must have begun, counted from submit. A task that has not never runs; the
  /// result throws `TimeoutError`. A time of zero or less, here and above, has passed already.
  Timeout expires = Timeout::infinite;

  /// What has a higher one begins first, also before the next chunk of a map that runs; of equal
  /// ones what came first. Any number.
  int priority = 0;

  /// How often the task is given to another worker when the one that ran it died. For functions
  /// that may run twice.
  int retries = 0;

  /// The same when it died while the kernel killed processes for want of memory; counted apart, and
  /// before `retries`. Then the task runs alone: no other task of the pool begins until it has
  /// ended, and it begins when those that run have.
  int oom_retries = 0;

  /// What the task takes of `PoolOptions::tokens` while it runs. It begins when that is free, and
  /// others that need less overtake it meanwhile. `ValueError` for a name that the pool does not
  /// know, for more than it has, and for less than 1.
  std::map<std::string, int> tokens = {};

  /// A request to it cancels the task as long as it is queued, and stops it as `AsyncResult::stop`
  /// with a second of grace when it runs; the thread that requests waits for nothing.
  std::stop_token stop = {};

  /// Keeps what the task writes to standard output and standard error, for `output()` of its
  /// result.
  bool capture_output = false;

  /// Where the task was submitted, which `WorkerDied` tells; by itself the place of the options.
  Where where = Where::current();
};

}  // namespace multiprocessing
