// The folder where blocks with names live.
#pragma once

#include <string>
#include <string_view>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Everything that we put there beside blocks begins so; a name that a user asks for may not.
inline constexpr std::string_view claim_prefix = "mp.claim.";

/// Of the folder itself: /dev/shm unless MULTIPROCESSING_SHM_FOLDER names another.
[[nodiscard]] std::string folder_path();

/// Of a file in it. By paths and not by a descriptor of the folder, so that a process that may have
/// no more descriptors can still remove its blocks.
[[nodiscard]] std::string path_of(std::string_view file);

/// Throws OSError that says what to do where there is no such folder. For calls that failed with
/// `error`.
void check_folder_is_there(int error);

/// The file behind a block's name, which may begin with slashes as shm_open(3) wants it. Throws
/// ValueError for a NUL and OSError (EINVAL, ENAMETOOLONG) for what can be no name.
[[nodiscard]] std::string file_of_block(std::string_view name);

/// `count` random hex digits.
[[nodiscard]] std::string random_digits(std::size_t count);

/// A name for a block that was given none.
[[nodiscard]] std::string made_up_name();

/// For tests: names come from there until null, and blocks live in that folder until empty.
MULTIPROCESSING_API void make_up_names_by(std::string (*maker)());
MULTIPROCESSING_API void keep_blocks_in(const std::string& folder);

}  // namespace multiprocessing::detail
