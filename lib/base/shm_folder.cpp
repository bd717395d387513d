#include "base/shm_folder.hpp"

#include <cstdlib>

namespace multiprocessing::detail {

const char* shm_folder() {
  static const char* const asked = std::getenv("MULTIPROCESSING_SHM_FOLDER");
  return asked != nullptr ? asked : "/dev/shm";
}

}  // namespace multiprocessing::detail
