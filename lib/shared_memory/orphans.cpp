#include "shared_memory/orphans.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <memory>
#include <utility>

#include "base/fail_point.hpp"
#include "base/unique_fd.hpp"
#include "shared_memory/claim.hpp"
#include "shared_memory/folder.hpp"

namespace multiprocessing::detail {
namespace {

std::vector<std::string> all_claims() {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> names{opendir(folder_path().c_str()), closedir};
  if (names == nullptr) {
    check_folder_is_there(errno);
    return found;
  }
  while (const dirent* entry = readdir(names.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with(claim_prefix) && !name.ends_with(block_of_claim("")))
      found.push_back(name);
  }
  return found;
}

// A file that one user put there might name another user's block.
bool may_judge(const struct stat& claim) {
  return S_ISREG(claim.st_mode) && (claim.st_uid == geteuid() || geteuid() == 0);
}

/// Holds the claim of a dead process, if it is one, so that no second sweep is at it.
UniqueFd take_over_claim(const std::string& claim) {
  UniqueFd file{open(path_of(claim).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0 || !may_judge(status)) return {};
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) return {};  // its owner lives, or is us
  // Another process may have removed it between our opening and our locking it.
  if (fstat(file.get(), &status) != 0 || status.st_nlink == 0) return {};
  return file;
}

/// Whether to believe the claim: its file's user owns the block, or is root.
bool may_claim(const struct stat& claim, const ClaimRecord& record) {
  return claim.st_uid == 0 || record.block.user == claim.st_uid;
}

/// Adds the names of the blocks that were removed.
void settle_claim(const std::string& claim, std::vector<std::string>& removed) {
  const UniqueFd held = take_over_claim(claim);
  struct stat status {};
  if (!held || fstat(held.get(), &status) != 0) return;
  fail_point("shared_memory.sweep.claim_taken");
  ClaimRecord record{};
  for (off_t at = 0; pread(held.get(), &record, sizeof record, at) == sizeof record;
       at += static_cast<off_t>(sizeof record))
    if (is_sound(record) && may_claim(status, record) && remove_claimed(claim, record))
      removed.emplace_back(record.name);
  unlink(path_of(block_of_claim(claim)).c_str());
  fail_point("shared_memory.sweep.block_removed");
  unlink(path_of(claim).c_str());
}

/// Written before main; never destroyed.
const std::vector<std::string>& removed_at_start() {
  static const auto* const names = [] {
    try {
      return new std::vector<std::string>{remove_orphans()};
    } catch (const std::exception&) {  // no folder, or no memory: nothing that must be done now
      return new std::vector<std::string>{};
    }
  }();
  return *names;
}

[[maybe_unused]] const std::size_t swept_at_start = removed_at_start().size();

}  // namespace

std::vector<std::string> remove_orphans() {
  std::vector<std::string> removed;
  for (const std::string& claim : all_claims()) settle_claim(claim, removed);
  return removed;
}

std::vector<std::string> orphans_removed() {
  std::vector<std::string> removed = removed_at_start();
  for (std::string& name : remove_orphans()) removed.push_back(std::move(name));
  return removed;
}

}  // namespace multiprocessing::detail
