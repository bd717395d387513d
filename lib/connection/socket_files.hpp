// Files that sockets have in the file system, and their removal.
#pragma once

#include <string>

#include "multiprocessing/connection/address.hpp"

namespace multiprocessing::detail {

/// Has the file of a listening socket removed when this process ends. Nothing to do for other
/// addresses.
void remove_at_exit(const Address& address);

/// The same for a folder that was made for one.
void remove_folder_at_exit(std::string folder);

/// Removes it now, and the folder if it was made for it.
void remove_socket_file(const Address& address);

}  // namespace multiprocessing::detail
