// Small files of the kernel, read whole.
#pragma once

#include <string>

namespace multiprocessing::detail {

/// Throws OSError that names the file.
[[nodiscard]] std::string read_file(const std::string& path);

/// Empty where there is none, or it may not be read.
[[nodiscard]] std::string read_file_if_any(const std::string& path);

}  // namespace multiprocessing::detail
