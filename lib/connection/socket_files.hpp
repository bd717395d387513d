// Files that sockets have in the file system, and their removal.
#pragma once

#include <string>

#include "multiprocessing/connection/address.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Has the file of a listening socket removed when this process ends. Nothing to do for other
/// addresses.
void remove_at_exit(const Address& address);

/// A new folder for one, which is removed with it or when this process ends: in the first usable
/// one of those where Python's tempfile makes its own. A lock on it (flock) ends with this process,
/// so that the next program knows and removes what a killed one left. Throws FileNotFoundError when
/// no folder can be used.
[[nodiscard]] std::string make_listener_folder();

/// Removes those of this user, or of all if that is root, whose process is dead; how many. Every
/// program that uses the module does it once when it starts.
MULTIPROCESSING_API int remove_listener_folders();

/// Removes it now, and the folder if it was made for it.
void remove_socket_file(const Address& address);

}  // namespace multiprocessing::detail
