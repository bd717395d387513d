// SubmitOptions: what may be said of one task.
#pragma once

#include <map>
#include <string>

#include "multiprocessing/base/logging.hpp"

namespace multiprocessing {

/// What may be said of one task, beside its callbacks.
struct SubmitOptions {
  /// What has a higher one begins first, also before the next chunk of a map that runs; of equal
  /// ones what came first. Any number.
  int priority = 0;

  /// How often the task is given to another worker when the one that ran it died. For functions
  /// that may run twice.
  int retries = 0;

  /// What the task takes of `PoolOptions::tokens` while it runs. It begins when that is free, and
  /// others that need less overtake it meanwhile. `ValueError` for a name that the pool does not
  /// know, for more than it has, and for less than 1.
  std::map<std::string, int> tokens = {};

  /// Where the task was submitted, which `WorkerDied` tells; by itself the place of the options.
  Where where = Where::current();
};

}  // namespace multiprocessing
