// What every other module stands on: errors, time-outs, bytes, logging.
#pragma once

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/base/cpu_count.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/exit.hpp"
#include "multiprocessing/base/freeze_support.hpp"
#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/base/none.hpp"
#include "multiprocessing/base/signals.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/base/urandom.hpp"
