// The folders of listeners that chose no address.
#pragma once

#include <string>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// A new folder for the file of a listener, which is removed with it or when this process ends: in
/// the first usable one of those where Python's tempfile makes its own. A lock on it (flock) ends
/// with this process, so that the next program knows and removes what a killed one left. Throws
/// FileNotFoundError when no folder can be used.
[[nodiscard]] std::string make_listener_folder();

/// Removes those of dead processes, of this user, or of all if that is root; how many. Every
/// program that uses the module does it once when it starts.
MULTIPROCESSING_API int remove_listener_folders();

}  // namespace multiprocessing::detail
