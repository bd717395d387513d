// Exit: ends the process that throws it, after Python's sys.exit.
#pragma once

namespace multiprocessing {

/// Thrown by a target to end its process with this code; Python's `sys.exit(code)`.
///
/// Not a `std::exception`, so that `catch (const std::exception&)` in a target does not swallow
/// it. Of the code the low eight bits reach the parent: 256 arrives as 0, -1 as 255.
struct Exit {
  int code = 0;
};

}  // namespace multiprocessing
