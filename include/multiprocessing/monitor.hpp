// The module `monitor`: watching the machine and one's own processes.
// Not part of multiprocessing.hpp: the module is an option of the build.
#pragma once

#include "multiprocessing/monitor/alert.hpp"
#include "multiprocessing/monitor/process_monitor.hpp"
#include "multiprocessing/monitor/sampler.hpp"
#include "multiprocessing/monitor/stats.hpp"
