// ChildOptions: what a supervisor is told about one of its children.
#pragma once

#include <chrono>
#include <string>

#include "multiprocessing/base/timeout.hpp"

namespace multiprocessing {

/// Which children are started again when they end by themselves. A failure is any end but exit
/// code 0.
enum class Restart { permanent, transient, temporary };  // always, after a failure, never

/// When the child after this one may start: once this one is started, or once it calls `ready()`.
enum class ReadyWhen { started, says_so };

/// What a supervisor is told about a child.
///
///     services.add({.name = "parser", .count = 4, .restart = mp::Restart::transient}, parse, in);
struct ChildOptions {
  /// Unique in its supervisor; empty: `child-1`, `child-2`, … in the order of `add`. With a `count`
  /// above 1 the copies are `parser-1`, `parser-2`, …
  std::string name = {};

  /// So many processes of it. They start and stop together. Below 1: `ValueError`.
  int count = 1;

  Restart restart = Restart::permanent;

  ReadyWhen ready_when = ReadyWhen::started;

  /// A child that has not called `ready()` by then is ended, which counts as its death. Where it is
  /// given the child has to call it, whatever `ready_when` says.
  Timeout ready_within = Timeout::infinite;

  /// From the request to stop to SIGKILL. At half of it comes SIGTERM; at once where the child has
  /// never asked whether it is to stop.
  Timeout stop_within = std::chrono::seconds{5};

  /// A child that is ready and has not called `heartbeat()` for so long gets SIGABRT, so that it
  /// leaves a core, then SIGKILL; then it is started again as after any death.
  Timeout watchdog = Timeout::infinite;

  /// The first restart comes at once, the second after this, each further one after twice as long,
  /// up to `longest_delay`. A quarter of each is left to chance, so that children that died
  /// together do not come back together. A child that has lived for the supervisor's `period`
  /// begins anew.
  Timeout first_delay = std::chrono::milliseconds{100};
  Timeout longest_delay = std::chrono::seconds{30};

  /// For a subtree alone: whether it is supervised by this process, in a thread, instead of a
  /// process between.
  bool in_this_process = false;
};

}  // namespace multiprocessing
