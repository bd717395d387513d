// The module `supervisor`: children that are kept running, and groups of tasks.
// Not part of multiprocessing.hpp, which has Python's names.
#pragma once

#include "multiprocessing/supervisor/child_options.hpp"
#include "multiprocessing/supervisor/child_status.hpp"
#include "multiprocessing/supervisor/restart_limit_exceeded.hpp"
#include "multiprocessing/supervisor/supervisor.hpp"
#include "multiprocessing/supervisor/supervisor_options.hpp"
#include "multiprocessing/supervisor/task_group.hpp"
#include "multiprocessing/supervisor/this_child.hpp"
