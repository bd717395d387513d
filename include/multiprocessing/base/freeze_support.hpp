// freeze_support: the first line of `main` where the start hook cannot be.
#pragma once

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// Runs the child and ends the process when this process was started to be a child; otherwise
/// does nothing.
///
/// Rarely needed: a program that links this library never reaches `main` in a child. Call it as
/// the first line of `main` in a fully static program, or in a program that loads this library
/// only as part of a plug-in. Where it is needed and missing, `Process::start()` says so.
MULTIPROCESSING_API void freeze_support();

}  // namespace multiprocessing
