// The folders of listeners that chose no address.
#pragma once

#include <string>

#include "base/unique_fd.hpp"

namespace multiprocessing::detail {

struct Folder {
  std::string path;
  UniqueFd lock;
};

/// Keeps it until the listener's file is removed, or this process ends.
void keep_folder(Folder folder);

}  // namespace multiprocessing::detail
