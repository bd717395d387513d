// The module `process`: making processes, and knowing those there are.
#pragma once

#include "multiprocessing/process/context.hpp"
#include "multiprocessing/process/process.hpp"
#include "multiprocessing/process/process_handle.hpp"
#include "multiprocessing/process/process_of.hpp"
#include "multiprocessing/process/process_options.hpp"
#include "multiprocessing/process/stop_report.hpp"
#include "multiprocessing/process/stop_token.hpp"
#include "multiprocessing/process/submodule.hpp"
