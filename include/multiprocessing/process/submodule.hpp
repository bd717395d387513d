// The names of Python's submodule `multiprocessing.process`, for programs that know them by it.
#pragma once

#include "multiprocessing/process/process.hpp"
#include "multiprocessing/process/process_handle.hpp"

/// `mp::process::current_process()` is `mp::current_process()`: both memories of a Python
/// programmer work.
namespace multiprocessing::process {

using multiprocessing::active_children;
using multiprocessing::current_process;
using multiprocessing::parent_process;
using multiprocessing::Process;

}  // namespace multiprocessing::process
