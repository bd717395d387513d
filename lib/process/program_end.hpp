// What a process does for its children before it ends.
#pragma once

namespace multiprocessing::detail {

/// Does what finalizers are left, ends daemons, waits for other children, lets the fork server go.
/// Again without harm. What fails is told on standard error, and the rest is done.
void finish_process() noexcept;

/// Has the program do that when it calls exit or returns from main; once per process.
void finish_at_exit();

}  // namespace multiprocessing::detail
