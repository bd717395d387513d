// SubmitOptions: what may be said of one task.
#pragma once

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

  /// Where the task was submitted, which `WorkerDied` tells; by itself the place of the options.
  Where where = Where::current();
};

}  // namespace multiprocessing
