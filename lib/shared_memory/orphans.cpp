#include "shared_memory/orphans.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <memory>
#include <utility>

#include "base/fail_point.hpp"
#include "base/unique_fd.hpp"
#include "shared_memory/claim.hpp"
#include "shared_memory/folder.hpp"

namespace multiprocessing::detail {
namespace {

std::vector<std::string> claims_in(int folder) {
  std::vector<std::string> found;
  UniqueFd readable{openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  const std::unique_ptr<DIR, int (*)(DIR*)> names{fdopendir(readable.get()), closedir};
  if (names == nullptr) return found;
  static_cast<void>(readable.release());
  while (const dirent* entry = readdir(names.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with(claim_prefix) && !name.ends_with(block_of_claim("")))
      found.push_back(name);
  }
  return found;
}

// A file that somebody else put there might name a third one's block.
bool may_judge(const struct stat& claim) {
  return S_ISREG(claim.st_mode) && (claim.st_uid == geteuid() || geteuid() == 0);
}

/// Holds the claim of a dead process, if it is one, so that no second sweep is at it.
UniqueFd take_over_claim(int folder, const std::string& claim) {
  UniqueFd file{openat(folder, claim.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0 || !may_judge(status)) return {};
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) return {};  // its owner lives, or is us
  // Swept by another process between our opening and our locking it.
  if (fstat(file.get(), &status) != 0 || status.st_nlink == 0) return {};
  return file;
}

/// The block's name if it had one that was removed.
std::string settle_claim(int folder, const std::string& claim) {
  const UniqueFd held = take_over_claim(folder, claim);
  if (!held) return {};
  fail_point("shared_memory.sweep.claim_taken");
  ClaimRecord record{};
  const bool recorded = pread(held.get(), &record, sizeof record, 0) == sizeof record &&
                        std::memcmp(record.magic, "mpclaim1", sizeof record.magic) == 0 &&
                        std::memchr(record.name, 0, sizeof record.name) != nullptr &&
                        std::strchr(record.name, '/') == nullptr;
  struct stat status {};
  const bool sound =
      recorded && fstat(held.get(), &status) == 0 && record.block.user == status.st_uid;
  const bool removed = sound && remove_claimed(folder, claim, record);
  unlinkat(folder, block_of_claim(claim).c_str(), 0);
  fail_point("shared_memory.sweep.block_removed");
  unlinkat(folder, claim.c_str(), 0);
  return removed ? record.name : std::string{};
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
  const UniqueFd folder = open_block_folder();
  std::vector<std::string> removed;
  for (const std::string& claim : claims_in(folder.get()))
    if (std::string name = settle_claim(folder.get(), claim); !name.empty())
      removed.push_back(std::move(name));
  return removed;
}

std::vector<std::string> orphans_removed() {
  std::vector<std::string> removed = removed_at_start();
  for (std::string& name : remove_orphans()) removed.push_back(std::move(name));
  return removed;
}

}  // namespace multiprocessing::detail
