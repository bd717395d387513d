// Files that sockets have in the file system, and their removal.
#pragma once

#include "multiprocessing/connection/address.hpp"

namespace multiprocessing::detail {

/// Has the file of a listening socket removed when this process ends; with the folder it lies in
/// when that was made for it. Nothing to do for other addresses.
void remove_at_exit(const Address& address);

/// Removes it now.
void remove_socket_file(const Address& address);

}  // namespace multiprocessing::detail
