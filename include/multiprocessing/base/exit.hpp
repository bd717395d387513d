// Exit: ends the process that throws it, after Python's sys.exit.
#pragma once

namespace multiprocessing {

/// Thrown by a target, or in the main thread of any program, to end the process with this code
/// after unwinding; Python's `sys.exit(code)`. One thrown by a task of a pool comes out of the call
/// that waits for the task, in the caller's process.
///
/// Not a `std::exception`, so that `catch (const std::exception&)` does not swallow it. Of the code
/// the low eight bits reach the parent: 256 arrives as 0, -1 as 255. Where it leaves another
/// thread, or `main` of a program without the start hook (fully static without
/// `--wrap=__libc_start_main`, or a host that loads the library as a plug-in), it ends the program
/// by `std::terminate`, as any exception does.
struct Exit {
  int code = 0;
};

}  // namespace multiprocessing
