// What a child does, from its first instruction of ours to its last.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "process/preparation.hpp"

namespace multiprocessing::detail {

/// Is the child that `told` describes: ties its life to its parent's, takes on its name, calls
/// `run`, and ends by what comes of that. `life_fd` is the read end of its life pipe.
[[noreturn]] void run_child(const Preparation& told, int life_fd, const std::function<void()>& run);

/// The same for a child that has not its parent's memory, with what its birth file tells and the
/// descriptors among its arguments.
[[noreturn]] void run_child(std::string_view content, int life_fd, std::vector<UniqueFd> given);

}  // namespace multiprocessing::detail
