// The folder where blocks with names live.
#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Everything that we put there beside blocks begins so; a name that a user asks for may not.
inline constexpr std::string_view claim_prefix = "mp.claim.";

/// A descriptor of the folder, /dev/shm unless MULTIPROCESSING_SHM_FOLDER names another, for the
/// calls that end in `at`. Throws OSError that says what to do when there is none.
[[nodiscard]] UniqueFd open_block_folder();

/// Throws ValueError for a NUL and OSError (EINVAL) for what can be no name.
void check_block_name(std::string_view name);

/// `count` random hex digits.
[[nodiscard]] std::string random_digits(std::size_t count);

/// A name for a block that was given none.
[[nodiscard]] std::string made_up_name();

/// For tests: names come from there until null, and blocks live in that folder until empty.
MULTIPROCESSING_API void make_up_names_by(std::string (*maker)());
MULTIPROCESSING_API void keep_blocks_in(const std::string& folder);

}  // namespace multiprocessing::detail
