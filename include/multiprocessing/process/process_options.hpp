// ProcessOptions: what may be said about a process before it starts.
#pragma once

#include <optional>
#include <string>

namespace multiprocessing {

/// What may be said about a process before it starts; Python's keyword arguments of `Process`.
///
///     mp::Process child{{.name = "reader", .daemon = true}, read_all, queue};
struct ProcessOptions {
  /// Empty: the kind and a number, as in `Process-1`; its first child will be `Process-1:1`.
  std::string name = {};

  /// A daemon is ended, not waited for, when its creator ends, and may not have children.
  /// None: as the creator.
  std::optional<bool> daemon = {};

  /// A child is killed when its creator dies, however that dies. This one is not.
  bool outlive_parent = false;

  /// The child leads a process group of its own, and `terminate`, `kill` and `interrupt` reach all
  /// that is in it: also what it started by `system` or a fork of its own. While it lives: what it
  /// leaves behind goes on, and a killed parent takes only the child along.
  bool own_group = false;

  /// Under `fork` the child keeps the signal handlers of its creator, as in Python. Otherwise, and
  /// under the other methods in any case, signals that have a handler are at default in a child.
  bool keep_handlers = false;
};

}  // namespace multiprocessing
