// Files that sockets have in the file system, and their removal.
#pragma once

#include <string>

#include "base/unique_fd.hpp"
#include "multiprocessing/connection/address.hpp"

namespace multiprocessing::detail {

/// The folder of a listener that chose no address.
struct Folder {
  std::string path;
  UniqueFd lock;
};

/// Keeps it until the listener's file is removed, or this process ends.
void keep_folder(Folder folder);

/// Has the file of a listening socket removed when this process ends. Nothing to do for other
/// addresses.
void remove_at_exit(const Address& address);

/// Removes it now, and the folder if it was made for it.
void remove_socket_file(const Address& address);

}  // namespace multiprocessing::detail
